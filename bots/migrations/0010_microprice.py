"""Fitted microprices, and when they are fitted."""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models.functions import Now

NAME = "Fit microprices"


def make_schedule(apps, schema_editor):
    tasks, crontabs, changes = (
        apps.get_model("django_celery_beat", name) for name in ("PeriodicTask", "CrontabSchedule", "PeriodicTasks")
    )
    when = {
        "minute": "37",
        "hour": "2",
        "day_of_week": "*",
        "day_of_month": "*",
        "month_of_year": "*",
        "timezone": "UTC",
    }
    crontab = crontabs.objects.filter(**when).first() or crontabs.objects.create(**when)
    values = {"task": "bots.fit_microprice", "crontab": crontab, "queue": "jobs", "expire_seconds": 6 * 3600}
    tasks.objects.get_or_create(name=NAME, defaults=values)
    # A scheduler that runs reads the rows again when this changes.
    changes.objects.update_or_create(ident=1, defaults={"last_update": Now()})


def remove_schedule(apps, schema_editor):
    apps.get_model("django_celery_beat", "PeriodicTask").objects.filter(name=NAME).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("django_celery_beat", "0019_alter_periodictasks_options"),
        ("bots", "0009_decision_trace"),
        ("marketdata", "0003_slow_sources"),
    ]

    operations = [
        migrations.CreateModel(
            name="MicropriceFit",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("table", models.JSONField(help_text="{tick, bins, adjustments, n_quotes}, or empty.", null=True)),
                ("reason", models.CharField(blank=True, help_text="Why the last fit gave no table.", max_length=300)),
                ("quotes", models.PositiveIntegerField(default=0, help_text="Quotes that were read.")),
                ("tried_at", models.DateTimeField(help_text="When it was last tried.")),
                ("fitted_at", models.DateTimeField(help_text="When the table was made.", null=True)),
                (
                    "instrument",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="microprice",
                        to="marketdata.instrument",
                    ),
                ),
            ],
            options={
                "verbose_name": "microprice",
                "ordering": ("instrument",),
            },
        ),
        migrations.RunPython(make_schedule, remove_schedule),
    ]
