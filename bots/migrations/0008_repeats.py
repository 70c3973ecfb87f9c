"""How many entries in five minutes turn a bot off, a setting of each bot."""

import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("bots", "0007_strategies")]

    operations = [
        migrations.AddField(
            model_name="bot",
            name="maximum_entries_per_5_minutes",
            field=models.PositiveSmallIntegerField(
                default=10,
                help_text="Reached, or three tenths of it in one symbol within a minute: no entries until a person clears it.",
                validators=[
                    django.core.validators.MinValueValidator(1),
                    django.core.validators.MaxValueValidator(300),
                ],
            ),
        ),
    ]
