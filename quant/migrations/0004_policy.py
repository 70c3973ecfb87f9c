"""A policy's state and choices, and when it chooses and learns."""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models.functions import Now

UPDATE = {"name": "Let the execution policy choose and learn", "task": "quant.update_policy", "every_s": 60}


def make_schedule(apps, schema_editor):
    tasks, intervals, changes = (
        apps.get_model("django_celery_beat", name) for name in ("PeriodicTask", "IntervalSchedule", "PeriodicTasks")
    )
    # Not get_or_create: nothing makes these unique, and an installation may hold two of the same.
    every = {"every": UPDATE["every_s"], "period": "seconds"}
    interval = intervals.objects.filter(**every).first() or intervals.objects.create(**every)
    values = {"task": UPDATE["task"], "interval": interval, "queue": "jobs", "expire_seconds": 50}
    tasks.objects.get_or_create(name=UPDATE["name"], defaults=values)
    # A scheduler that runs reads the rows again when this changes.
    changes.objects.update_or_create(ident=1, defaults={"last_update": Now()})


def remove_schedule(apps, schema_editor):
    apps.get_model("django_celery_beat", "PeriodicTask").objects.filter(name=UPDATE["name"]).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("quant", "0003_learning_schedule"),
        ("django_celery_beat", "0019_alter_periodictasks_options"),
    ]

    operations = [
        migrations.CreateModel(
            name="PolicyState",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=40, unique=True)),
                ("state", models.JSONField(help_text="Sums of each arm; quant.policy.bandit reads them.")),
                ("updates", models.PositiveIntegerField(default=0, help_text="Outcomes it has learned from.")),
                ("updated_at", models.DateTimeField()),
            ],
            options={
                "ordering": ("name",),
            },
        ),
        migrations.CreateModel(
            name="PolicyChoice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("intent_id", models.UUIDField(unique=True)),
                ("exchange", models.CharField(max_length=32)),
                ("symbol", models.CharField(max_length=64)),
                ("decided_ns", models.BigIntegerField()),
                ("features", models.JSONField(help_text="By name, as the policy saw them; 0 where missing.")),
                ("missing", models.JSONField(default=list, help_text="Features that were not known.")),
                (
                    "chosen",
                    models.CharField(
                        choices=[("maker", "maker"), ("taker", "taker")],
                        help_text="What the policy would have done.",
                        max_length=8,
                    ),
                ),
                (
                    "used",
                    models.CharField(
                        choices=[("maker", "maker"), ("taker", "taker")], help_text="What the bot did.", max_length=8
                    ),
                ),
                (
                    "estimates",
                    models.JSONField(help_text="Of each arm before the outcome: mean, deviation, n, in basis points."),
                ),
                (
                    "learned_from",
                    models.PositiveIntegerField(help_text="Outcomes that the policy had seen when it chose."),
                ),
                ("created_at", models.DateTimeField()),
                ("settled_at", models.DateTimeField(help_text="When the outcome was taken in, once.", null=True)),
                (
                    "unusable",
                    models.CharField(blank=True, help_text="Why nothing can be learned from it.", max_length=120),
                ),
                ("filled", models.FloatField(help_text="Share of what was asked for.", null=True)),
                ("shortfall_bps", models.FloatField(null=True)),
                ("fee_bps", models.FloatField(null=True)),
                ("reward_bps", models.FloatField(help_text="Of what was done: measured.", null=True)),
                (
                    "counterfactual_bps",
                    models.FloatField(
                        help_text="Of what the policy would have done instead: estimated, empty below 30 outcomes.",
                        null=True,
                    ),
                ),
                ("counterfactual_deviation_bps", models.FloatField(null=True)),
                (
                    "policy",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="choices", to="quant.policystate"
                    ),
                ),
            ],
            options={
                "ordering": ("-decided_ns",),
                "indexes": [
                    models.Index(
                        condition=models.Q(("settled_at", None)), fields=["decided_ns"], name="policy_choice_open"
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("reward_bps", None), ("settled_at__isnull", False), _connector="OR"),
                        name="policy_reward_is_settled",
                    )
                ],
            },
        ),
        migrations.RunPython(make_schedule, remove_schedule),
    ]
