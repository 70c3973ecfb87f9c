# The rows of learning.

import django.core.validators
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="ModelVersion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "name",
                    models.SlugField(help_text="Its family; versions of one family follow each other.", max_length=80),
                ),
                ("number", models.PositiveIntegerField(help_text="Counts the versions of the name.")),
                ("exchange", models.CharField(blank=True, help_text="Empty where it is pooled.", max_length=32)),
                ("symbol", models.CharField(blank=True, help_text="Empty where it is pooled.", max_length=40)),
                ("timeframe", models.CharField(max_length=4)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("shadow", "shadow: recorded, moves nothing"),
                            ("canary", "canary: a quarter of its weight"),
                            ("live", "live"),
                            ("retired", "retired"),
                        ],
                        default="shadow",
                        max_length=8,
                    ),
                ),
                (
                    "artefact",
                    models.TextField(help_text="JSON: the trees as LightGBM's text, the temperature, the baseline."),
                ),
                ("sha256", models.CharField(help_text="Of the artefact's bytes in UTF-8.", max_length=64)),
                (
                    "schema_hash",
                    models.CharField(help_text="Of the features' names and their definition's version.", max_length=64),
                ),
                ("span_start_ns", models.BigIntegerField()),
                ("span_end_ns", models.BigIntegerField()),
                ("bars", models.PositiveIntegerField()),
                (
                    "labels",
                    models.PositiveIntegerField(help_text="Labelled events that it learned from, of every part."),
                ),
                ("label_params", models.JSONField()),
                ("code_revision", models.CharField(max_length=64)),
                (
                    "trials",
                    models.PositiveIntegerField(help_text="Models tried for this scope so far, this one included."),
                ),
                ("metrics", models.JSONField()),
                ("refusals", models.JSONField(default=list, help_text="Why it should not be promoted, in sentences.")),
                ("drift", models.JSONField(default=dict, help_text="The last comparison with what it was trained on.")),
                (
                    "evidence",
                    models.JSONField(default=dict, help_text="What its predictions since it is in shadow were worth."),
                ),
                ("created_at", models.DateTimeField()),
                ("status_since", models.DateTimeField()),
                (
                    "replaced",
                    models.ForeignKey(
                        help_text="What was live before it.",
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="quant.modelversion",
                    ),
                ),
            ],
            options={
                "ordering": ("-created_at",),
            },
        ),
        migrations.CreateModel(
            name="ModelEvent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("registered", "registered"),
                            ("promoted", "promoted"),
                            ("forced", "promoted against the rules"),
                            ("demoted", "demoted"),
                            ("rolled_back", "rolled back"),
                            ("restored", "brought back"),
                            ("retired", "retired"),
                        ],
                        max_length=12,
                    ),
                ),
                ("before", models.CharField(blank=True, max_length=8)),
                ("after", models.CharField(max_length=8)),
                ("actor", models.CharField(blank=True, help_text="Empty: the system.", max_length=150)),
                ("reason", models.CharField(blank=True, max_length=500)),
                ("at", models.DateTimeField()),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="events", to="quant.modelversion"
                    ),
                ),
            ],
            options={
                "ordering": ("-at", "-pk"),
            },
        ),
        migrations.CreateModel(
            name="TrainingRun",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("exchange", models.CharField(help_text="Code of the exchange, e.g. binance.", max_length=32)),
                ("symbols", models.JSONField(help_text="Symbols to learn from; of more than one the model is pooled.")),
                ("timeframe", models.CharField(max_length=4)),
                ("start_ns", models.BigIntegerField(help_text="Empty: from the first stored bar.", null=True)),
                ("end_ns", models.BigIntegerField(help_text="Empty: to the last stored bar.", null=True)),
                (
                    "horizon_bars",
                    models.PositiveIntegerField(
                        validators=[
                            django.core.validators.MinValueValidator(2),
                            django.core.validators.MaxValueValidator(2000),
                        ]
                    ),
                ),
                (
                    "cost_bps",
                    models.FloatField(
                        help_text="A round trip.",
                        validators=[
                            django.core.validators.MinValueValidator(0),
                            django.core.validators.MaxValueValidator(1000),
                        ],
                    ),
                ),
                ("seed", models.PositiveIntegerField(default=1)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("queued", "waiting for the jobs worker"),
                            ("running", "running"),
                            ("done", "done"),
                            ("refused", "refused"),
                            ("failed", "failed"),
                            ("cancelled", "cancelled"),
                        ],
                        default="queued",
                        max_length=12,
                    ),
                ),
                (
                    "progress",
                    models.FloatField(
                        default=0,
                        validators=[
                            django.core.validators.MinValueValidator(0),
                            django.core.validators.MaxValueValidator(1),
                        ],
                    ),
                ),
                ("phase", models.CharField(blank=True, help_text="What it is doing, in words.", max_length=120)),
                ("cancel_requested", models.BooleanField(default=False)),
                ("error", models.TextField(blank=True)),
                ("metrics", models.JSONField(default=dict, help_text="Also of a model that was refused.")),
                ("requested_by", models.CharField(blank=True, max_length=150)),
                ("created_at", models.DateTimeField()),
                ("started_at", models.DateTimeField(null=True)),
                ("heartbeat_at", models.DateTimeField(null=True)),
                ("finished_at", models.DateTimeField(null=True)),
            ],
            options={
                "ordering": ("-created_at",),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("progress__gte", 0), ("progress__lte", 1)), name="run_progress_share"
                    ),
                    models.CheckConstraint(condition=models.Q(("horizon_bars__gte", 2)), name="run_horizon_sane"),
                ],
            },
        ),
        migrations.AddField(
            model_name="modelversion",
            name="run",
            field=models.OneToOneField(
                null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="version", to="quant.trainingrun"
            ),
        ),
        migrations.CreateModel(
            name="ModelPrediction",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("exchange", models.CharField(max_length=32)),
                ("symbol", models.CharField(max_length=40)),
                ("ts_close", models.BigIntegerField(help_text="Close of the bar, nanoseconds since the epoch, UTC.")),
                (
                    "ts_written",
                    models.BigIntegerField(help_text="When it was written, nanoseconds since the epoch, UTC."),
                ),
                ("p_sell", models.FloatField()),
                ("p_hold", models.FloatField()),
                ("p_buy", models.FloatField()),
                ("close", models.FloatField(help_text="The bar's close, quote.")),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="predictions", to="quant.modelversion"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("version", "exchange", "symbol", "ts_close"), name="prediction_unique"
                    )
                ],
            },
        ),
        migrations.AddConstraint(
            model_name="modelversion",
            constraint=models.UniqueConstraint(fields=("name", "number"), name="model_version_unique"),
        ),
        migrations.AddConstraint(
            model_name="modelversion",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status", "live")),
                fields=("exchange", "symbol", "timeframe"),
                name="model_one_live_a_scope",
            ),
        ),
        migrations.AddConstraint(
            model_name="modelversion",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status", "canary")),
                fields=("exchange", "symbol", "timeframe"),
                name="model_one_canary_a_scope",
            ),
        ),
        migrations.AddConstraint(
            model_name="modelversion",
            constraint=models.CheckConstraint(
                condition=models.Q(("span_end_ns__gt", models.F("span_start_ns"))), name="model_span_sane"
            ),
        ),
    ]
