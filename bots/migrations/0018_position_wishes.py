"""What people want of an open position: a part to be closed, another stop or target."""

from decimal import Decimal

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("bots", "0017_traders_venue")]

    operations = [
        migrations.AddField(
            model_name="position",
            name="close_to",
            field=models.DecimalField(
                db_default=Decimal(0),
                decimal_places=12,
                default=Decimal(0),
                help_text="What is to be left of it.",
                max_digits=28,
            ),
        ),
        migrations.AddField(
            model_name="position",
            name="revision",
            field=models.PositiveIntegerField(
                db_default=0, default=0, help_text="How often a person changed its stop or target."
            ),
        ),
    ]
