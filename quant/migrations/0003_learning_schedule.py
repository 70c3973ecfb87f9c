"""When predictions are written down and models judged. Rows that exist keep what was edited in the admin."""

from django.db import migrations
from django.db.models.functions import Now

# (name, task, seconds between runs, seconds after which a run that nobody began is dropped)
EVERY = (
    ("Record what models predict", "quant.record_predictions", 60, 50),
    ("Judge models and their drift", "quant.judge_models", 3600, 3000),
)


def make_schedule(apps, schema_editor):
    tasks, intervals, changes = (
        apps.get_model("django_celery_beat", name) for name in ("PeriodicTask", "IntervalSchedule", "PeriodicTasks")
    )
    for name, task, every_s, expires_s in EVERY:
        # Not get_or_create: nothing makes these unique, and an installation may hold two of the same.
        interval = intervals.objects.filter(every=every_s, period="seconds").first()
        interval = interval or intervals.objects.create(every=every_s, period="seconds")
        values = {"task": task, "interval": interval, "queue": "jobs", "expire_seconds": expires_s}
        tasks.objects.get_or_create(name=name, defaults=values)
    # A scheduler that runs reads the rows again when this changes.
    changes.objects.update_or_create(ident=1, defaults={"last_update": Now()})


def remove_schedule(apps, schema_editor):
    apps.get_model("django_celery_beat", "PeriodicTask").objects.filter(name__in=[row[0] for row in EVERY]).delete()


class Migration(migrations.Migration):
    dependencies = [("quant", "0002_evidence"), ("django_celery_beat", "0019_alter_periodictasks_options")]
    operations = [migrations.RunPython(make_schedule, remove_schedule)]
