"""Samples of signals, what they were worth, and when that is computed."""

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
from django.db import migrations, models
from django.db.models.functions import Now

EVIDENCE = {"name": "Compute the evidence of signals", "task": "quant.compute_evidence", "every_s": 3600}


def make_schedule(apps, schema_editor):
    tasks, intervals, changes = (
        apps.get_model("django_celery_beat", name) for name in ("PeriodicTask", "IntervalSchedule", "PeriodicTasks")
    )
    # Not get_or_create: nothing makes these unique, and an installation may hold two of the same.
    every = {"every": EVIDENCE["every_s"], "period": "seconds"}
    interval = intervals.objects.filter(**every).first() or intervals.objects.create(**every)
    values = {"task": EVIDENCE["task"], "interval": interval, "queue": "jobs", "expire_seconds": 1800}
    tasks.objects.get_or_create(name=EVIDENCE["name"], defaults=values)
    # A scheduler that runs reads the rows again when this changes.
    changes.objects.update_or_create(ident=1, defaults={"last_update": Now()})


def remove_schedule(apps, schema_editor):
    apps.get_model("django_celery_beat", "PeriodicTask").objects.filter(name=EVIDENCE["name"]).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("quant", "0001_learning"),
        ("django_celery_beat", "0019_alter_periodictasks_options"),
    ]

    operations = [
        migrations.CreateModel(
            name="EvidenceRow",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("exchange", models.CharField(max_length=32)),
                ("symbol", models.CharField(max_length=40)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("component", "signal"),
                            ("blend", "default blend"),
                            ("bot", "blend of a bot"),
                            ("vote", "learned vote"),
                        ],
                        max_length=12,
                    ),
                ),
                ("component", models.CharField(help_text="e.g. speed, technical 5m, combined, bot:7.", max_length=48)),
                (
                    "bot",
                    models.BigIntegerField(help_text="Number of the bot, for a blend of its own weights.", null=True),
                ),
                (
                    "horizon_s",
                    models.PositiveIntegerField(help_text="Seconds from the signal to the price it is judged by."),
                ),
                ("regime", models.CharField(blank=True, help_text="Empty: all of them.", max_length=16)),
                ("window_start_ns", models.BigIntegerField()),
                ("window_end_ns", models.BigIntegerField()),
                ("computed_at", models.DateTimeField()),
                ("n", models.PositiveIntegerField()),
                ("n_eff", models.FloatField(null=True)),
                (
                    "needed",
                    models.FloatField(help_text="Independent observations that this coefficient needs.", null=True),
                ),
                (
                    "ic",
                    models.FloatField(
                        help_text="Information coefficient: rank correlation of signal and return.", null=True
                    ),
                ),
                ("ic_low", models.FloatField(null=True)),
                ("ic_high", models.FloatField(null=True)),
                ("t_hac", models.FloatField(null=True)),
                (
                    "n_independent",
                    models.PositiveIntegerField(default=0, help_text="Pairs whose returns do not overlap."),
                ),
                ("ic_independent", models.FloatField(null=True)),
                ("t_independent", models.FloatField(null=True)),
                (
                    "hit_rate",
                    models.FloatField(help_text="Share of signals that had the sign of the return.", null=True),
                ),
                ("hit_low", models.FloatField(null=True)),
                ("hit_high", models.FloatField(null=True)),
                (
                    "turnover",
                    models.FloatField(help_text="Mean change of the signal from one horizon to the next.", null=True),
                ),
                (
                    "break_even_bps",
                    models.FloatField(help_text="Cost of a trade that would eat up what it earned.", null=True),
                ),
                (
                    "marginal_ic",
                    models.FloatField(help_text="What it adds to the default blend's coefficient.", null=True),
                ),
                ("half_life_s", models.FloatField(help_text="Horizon at which its coefficient has halved.", null=True)),
                (
                    "sharpe",
                    models.FloatField(
                        help_text="Of holding the signal over each horizon, per horizon, no costs.", null=True
                    ),
                ),
                ("psr", models.FloatField(help_text="Probability that the Sharpe ratio is above zero.", null=True)),
                ("dsr", models.FloatField(help_text="The same, deflated for how many were tried.", null=True)),
                (
                    "verdict",
                    models.CharField(
                        choices=[
                            ("insufficient", "insufficient evidence"),
                            ("supports", "supports"),
                            ("contradicts", "contradicts"),
                            ("nothing", "no effect seen"),
                        ],
                        max_length=12,
                    ),
                ),
                ("reason", models.CharField(blank=True, max_length=200)),
            ],
            options={
                "ordering": ("exchange", "symbol", "kind", "component", "horizon_s", "regime"),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("exchange", "symbol", "component", "horizon_s", "regime"), name="evidence_unique"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("window_end_ns__gte", models.F("window_start_ns"))),
                        name="evidence_window_sane",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("ic", None), models.Q(("ic__gte", -1), ("ic__lte", 1)), _connector="OR"),
                        name="evidence_ic_in_range",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="SignalSample",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "exchange", "symbol", "ts_event", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("exchange", models.CharField(max_length=32)),
                ("symbol", models.CharField(max_length=40)),
                ("ts_event", models.BigIntegerField(help_text="Nanoseconds: the close of the minute.")),
                ("mid", models.FloatField(help_text="Middle of bid and ask when the signals were read.", null=True)),
                (
                    "regime",
                    models.CharField(
                        blank=True, help_text="trend, range, neutral; empty: not known yet.", max_length=8
                    ),
                ),
                ("direction", models.FloatField(help_text="-1, 0 or 1.", null=True)),
                ("volatility", models.CharField(blank=True, help_text="low, normal, high, extreme.", max_length=8)),
                (
                    "names",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=160),
                        help_text="The columns, e.g. speed, technical 5m.",
                        size=None,
                    ),
                ),
                (
                    "values",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.FloatField(null=True),
                        help_text="In [-1, 1]; null where a column had none.",
                        size=None,
                    ),
                ),
                (
                    "qualities",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.FloatField(null=True),
                        help_text="In [0, 1], less what was lost by age.",
                        size=None,
                    ),
                ),
                ("combined", models.FloatField(help_text="The blend by the default weights.", null=True)),
                (
                    "market",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.FloatField(null=True),
                        default=list,
                        help_text="What models learn from besides bars.",
                        size=None,
                    ),
                ),
                ("schema_hash", models.CharField(blank=True, help_text="Of the names behind `market`.", max_length=64)),
            ],
            options={
                "indexes": [django.contrib.postgres.indexes.BrinIndex(fields=["ts_event"], name="sample_ts_brin")],
            },
        ),
        migrations.RunPython(make_schedule, remove_schedule),
    ]
