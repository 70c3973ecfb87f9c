"""Sums of what bots won, so that neither the gate nor the monitor adds up their whole history."""

from decimal import Decimal

import django.core.validators
import django.db.models.deletion
from django.db import migrations, models

TRADES = """
INSERT INTO bots_standing (bot_id, trades, wins, gained, lost, fees, day, realised_day, week, realised_week)
SELECT t.bot_id, count(*), count(*) FILTER (WHERE realised_pnl > 0),
       coalesce(sum(realised_pnl) FILTER (WHERE realised_pnl > 0), 0),
       coalesce(-sum(realised_pnl) FILTER (WHERE realised_pnl < 0), 0), sum(fees),
       max(last.day), coalesce(sum(realised_pnl) FILTER (WHERE closed_at >= last.day), 0),
       max(last.week), coalesce(sum(realised_pnl) FILTER (WHERE closed_at >= last.week), 0)
FROM bots_trade t
JOIN (SELECT bot_id, date_trunc('day', max(closed_at), 'UTC') AS day, date_trunc('week', max(closed_at), 'UTC') AS week
      FROM bots_trade GROUP BY bot_id) last ON last.bot_id = t.bot_id
GROUP BY t.bot_id
"""
RESULTS = """
INSERT INTO bots_performancestate (bot_id, baseline_at, baseline_peak, baseline_reason, peak_result, maximum_drawdown,
    sampled_at, sampled_result, returns, mean, squares, downside, elapsed_s)
SELECT b.id, s.started_at,
       max(f.realised_pnl + f.unrealised_pnl) FILTER (WHERE f.at >= s.started_at), '',
       greatest(coalesce(max(f.realised_pnl + f.unrealised_pnl), 0), 0), coalesce(max(f.maximum_drawdown), 0),
       NULL, NULL, 0, 0, 0, 0, 0
FROM bots_bot b
LEFT JOIN bots_session s ON s.bot_id = b.id AND s.ended_at IS NULL
LEFT JOIN bots_performancesnapshot f ON f.bot_id = b.id
GROUP BY b.id, s.started_at
"""


class Migration(migrations.Migration):
    dependencies = [
        ("bots", "0005_second_source"),
        ("marketdata", "0003_slow_sources"),
    ]

    operations = [
        migrations.CreateModel(
            name="PerformanceState",
            fields=[
                (
                    "bot",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="performance_state",
                        serialize=False,
                        to="bots.bot",
                    ),
                ),
                ("baseline_at", models.DateTimeField(null=True)),
                ("baseline_peak", models.DecimalField(decimal_places=12, max_digits=28, null=True)),
                ("baseline_reason", models.CharField(blank=True, max_length=300)),
                ("peak_result", models.DecimalField(decimal_places=12, default=Decimal("0"), max_digits=28)),
                ("maximum_drawdown", models.FloatField(default=0)),
                ("sampled_at", models.DateTimeField(null=True)),
                ("sampled_result", models.DecimalField(decimal_places=12, max_digits=28, null=True)),
                ("returns", models.PositiveIntegerField(default=0, help_text="How many returns the moments are of.")),
                ("mean", models.FloatField(default=0)),
                ("squares", models.FloatField(default=0, help_text="Sum of squared deviations from the mean.")),
                ("downside", models.FloatField(default=0, help_text="Sum of squared negative returns.")),
                ("elapsed_s", models.FloatField(default=0, help_text="Seconds that the returns span together.")),
            ],
        ),
        migrations.CreateModel(
            name="Standing",
            fields=[
                (
                    "bot",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="standing",
                        serialize=False,
                        to="bots.bot",
                    ),
                ),
                ("trades", models.PositiveIntegerField(default=0)),
                ("wins", models.PositiveIntegerField(default=0)),
                ("gained", models.DecimalField(decimal_places=12, default=Decimal("0"), max_digits=28)),
                (
                    "lost",
                    models.DecimalField(
                        decimal_places=12, default=Decimal("0"), help_text="A positive amount.", max_digits=28
                    ),
                ),
                ("fees", models.DecimalField(decimal_places=12, default=Decimal("0"), max_digits=28)),
                ("day", models.DateTimeField(help_text="00:00 UTC of the last trade's day.", null=True)),
                ("realised_day", models.DecimalField(decimal_places=12, default=Decimal("0"), max_digits=28)),
                ("week", models.DateTimeField(help_text="Monday 00:00 UTC of the last trade's week.", null=True)),
                ("realised_week", models.DecimalField(decimal_places=12, default=Decimal("0"), max_digits=28)),
            ],
        ),
        migrations.AddField(
            model_name="account",
            name="daily_loss_limit",
            field=models.DecimalField(
                decimal_places=6,
                default=Decimal("0.03"),
                help_text="Of the day's opening equity, over all bots: reached, no entries until 00:00 UTC. 0: none.",
                max_digits=9,
                validators=[
                    django.core.validators.MinValueValidator(Decimal("0")),
                    django.core.validators.MaxValueValidator(Decimal("1")),
                ],
            ),
        ),
        migrations.AddField(
            model_name="account",
            name="maximum_drawdown",
            field=models.DecimalField(
                decimal_places=6,
                default=Decimal("0.10"),
                help_text="Of the highest equity, over all bots: reached, exits only. 0: none.",
                max_digits=9,
                validators=[
                    django.core.validators.MinValueValidator(Decimal("0")),
                    django.core.validators.MaxValueValidator(Decimal("1")),
                ],
            ),
        ),
        migrations.AddField(
            model_name="account",
            name="peak_equity",
            field=models.DecimalField(
                decimal_places=12, editable=False, help_text="Highest since `peak_since`.", max_digits=28, null=True
            ),
        ),
        migrations.AddField(
            model_name="account",
            name="peak_since",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="bot",
            name="cleared_at",
            field=models.DateTimeField(
                blank=True,
                editable=False,
                help_text="When a person allowed trading again: throttles count from here.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="bot",
            name="closing_since",
            field=models.DateTimeField(
                blank=True,
                editable=False,
                help_text="Stopped with the wish to hold nothing: what fills still is closed too.",
                null=True,
            ),
        ),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(fields=["account", "decided_at"], name="bots_order_account_ebe7c0_idx"),
        ),
        migrations.RunSQL(TRADES, migrations.RunSQL.noop),
        migrations.RunSQL(RESULTS, migrations.RunSQL.noop),
    ]
