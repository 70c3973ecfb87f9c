"""What a decision rests on beside its signals, stored with it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("bots", "0008_repeats")]

    operations = [
        migrations.AddField(
            model_name="decision",
            name="trace",
            field=models.JSONField(
                default=dict,
                help_text="{prices, blend, blocks, left_out, sizing}: what was seen, how it was blended, every state of the market that forbids entries, strategies without a vote, and what each limit allowed.",
            ),
        ),
        migrations.AlterField(
            model_name="decision",
            name="components",
            field=models.JSONField(
                default=list,
                help_text="[{name, timeframe, value, quality, weight, effective, contribution, n_obs, age_ms, reason, parts}].",
            ),
        ),
    ]
