"""When Celery does what. Rows that exist keep what was edited in the admin."""

from django.db import migrations
from django.db.models.functions import Now

# (name, task, seconds between runs, queue, seconds after which a run that nobody began is dropped)
EVERY = (
    ("Watch open positions", "bots.monitor_positions", 5, "monitor", 4),
    ("Compute performance", "bots.compute_performance", 30, "monitor", 25),
    ("Check the ledger", "bots.check_ledger", 60, "jobs", 50),
)
NIGHTLY = ("Delete and thin out what is old", "bots.prune", "jobs", 6 * 3600)


def make_schedule(apps, schema_editor):
    tasks, intervals, crontabs, changes = (
        apps.get_model("django_celery_beat", name)
        for name in ("PeriodicTask", "IntervalSchedule", "CrontabSchedule", "PeriodicTasks")
    )
    for name, task, every_s, queue, expires_s in EVERY:
        # Not get_or_create: nothing makes these unique, and an installation may hold two of the same.
        interval = intervals.objects.filter(every=every_s, period="seconds").first()
        interval = interval or intervals.objects.create(every=every_s, period="seconds")
        values = {"task": task, "interval": interval, "queue": queue, "expire_seconds": expires_s}
        tasks.objects.get_or_create(name=name, defaults=values)
    name, task, queue, expires_s = NIGHTLY
    when = {
        "minute": "17",
        "hour": "3",
        "day_of_week": "*",
        "day_of_month": "*",
        "month_of_year": "*",
        "timezone": "UTC",
    }
    crontab = crontabs.objects.filter(**when).first() or crontabs.objects.create(**when)
    tasks.objects.get_or_create(
        name=name, defaults={"task": task, "crontab": crontab, "queue": queue, "expire_seconds": expires_s}
    )
    # A scheduler that runs reads the rows again when this changes.
    changes.objects.update_or_create(ident=1, defaults={"last_update": Now()})


def remove_schedule(apps, schema_editor):
    names = [row[0] for row in (*EVERY, NIGHTLY)]
    apps.get_model("django_celery_beat", "PeriodicTask").objects.filter(name__in=names).delete()


class Migration(migrations.Migration):
    dependencies = [("bots", "0003_traders"), ("django_celery_beat", "0019_alter_periodictasks_options")]
    operations = [migrations.RunPython(make_schedule, remove_schedule)]
