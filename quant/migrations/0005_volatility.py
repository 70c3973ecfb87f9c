"""Fits of volatility and when they are made, and candidates among the evidence."""

from django.db import migrations, models
from django.db.models.functions import Now

NAME = "Fit volatility"


def make_schedule(apps, schema_editor):
    tasks, crontabs, changes = (
        apps.get_model("django_celery_beat", name) for name in ("PeriodicTask", "CrontabSchedule", "PeriodicTasks")
    )
    when = {
        "minute": "12",
        "hour": "2",
        "day_of_week": "*",
        "day_of_month": "*",
        "month_of_year": "*",
        "timezone": "UTC",
    }
    # Not get_or_create: nothing makes these unique, and an installation may hold two of the same.
    crontab = crontabs.objects.filter(**when).first() or crontabs.objects.create(**when)
    values = {"task": "quant.fit_volatility", "crontab": crontab, "queue": "jobs", "expire_seconds": 6 * 3600}
    tasks.objects.get_or_create(name=NAME, defaults=values)
    # A scheduler that runs reads the rows again when this changes.
    changes.objects.update_or_create(ident=1, defaults={"last_update": Now()})


def remove_schedule(apps, schema_editor):
    apps.get_model("django_celery_beat", "PeriodicTask").objects.filter(name=NAME).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("quant", "0004_policy"),
        ("django_celery_beat", "0019_alter_periodictasks_options"),
    ]

    operations = [
        migrations.AlterField(
            model_name="evidencerow",
            name="kind",
            field=models.CharField(
                choices=[
                    ("component", "signal"),
                    ("blend", "default blend"),
                    ("bot", "blend of a bot"),
                    ("vote", "learned vote"),
                    ("candidate", "candidate"),
                ],
                max_length=12,
            ),
        ),
        migrations.CreateModel(
            name="VolatilityFit",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("exchange", models.CharField(max_length=32)),
                ("symbol", models.CharField(max_length=40)),
                (
                    "parameters",
                    models.JSONField(
                        help_text="GARCH(1,1) of returns in percent: {mu, omega, alpha, beta}.", null=True
                    ),
                ),
                ("fitted_at", models.DateTimeField(help_text="When the parameters were fitted.", null=True)),
                ("variance_ratio", models.FloatField(help_text="Over five bars: above 1 in a trend.", null=True)),
                (
                    "variance_ratio_z",
                    models.FloatField(help_text="Its standard score, robust to changing variance.", null=True),
                ),
                (
                    "returns",
                    models.PositiveIntegerField(default=0, help_text="Returns without a hole that were looked at."),
                ),
                (
                    "reason",
                    models.CharField(blank=True, help_text="Why the last try gave nothing.", max_length=300),
                ),
                ("tried_at", models.DateTimeField()),
            ],
            options={
                "ordering": ("exchange", "symbol"),
                "constraints": [
                    models.UniqueConstraint(fields=("exchange", "symbol"), name="volatility_fit_unique"),
                ],
            },
        ),
        migrations.RunPython(make_schedule, remove_schedule),
    ]
