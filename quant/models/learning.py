"""Trained models as data, the runs that made them, what was done to them, and what they predicted.

Times that end in `_ns` are nanoseconds since the epoch, UTC. People are named and not linked, so that what they did
outlives their accounts.
"""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q


class RunState(models.TextChoices):
    QUEUED = "queued", "waiting for the jobs worker"
    RUNNING = "running", "running"
    DONE = "done", "done"
    REFUSED = "refused", "refused"
    FAILED = "failed", "failed"
    CANCELLED = "cancelled", "cancelled"


class TrainingRun(models.Model):
    """One training: what it was asked to learn from, how far it is, and how it ended."""

    UNFINISHED = (RunState.QUEUED, RunState.RUNNING)

    exchange = models.CharField(max_length=32, help_text="Code of the exchange, e.g. binance.")
    symbols = models.JSONField(help_text="Symbols to learn from; of more than one the model is pooled.")
    timeframe = models.CharField(max_length=4)
    start_ns = models.BigIntegerField(null=True, help_text="Empty: from the first stored bar.")
    end_ns = models.BigIntegerField(null=True, help_text="Empty: to the last stored bar.")
    horizon_bars = models.PositiveIntegerField(validators=[MinValueValidator(2), MaxValueValidator(2000)])
    cost_bps = models.FloatField(validators=[MinValueValidator(0), MaxValueValidator(1000)], help_text="A round trip.")
    seed = models.PositiveIntegerField(default=1)
    state = models.CharField(max_length=12, choices=RunState, default=RunState.QUEUED)
    progress = models.FloatField(default=0, validators=[MinValueValidator(0), MaxValueValidator(1)])
    phase = models.CharField(max_length=120, blank=True, help_text="What it is doing, in words.")
    cancel_requested = models.BooleanField(default=False)
    error = models.TextField(blank=True)
    metrics = models.JSONField(default=dict, help_text="Also of a model that was refused.")
    requested_by = models.CharField(max_length=150, blank=True)
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    heartbeat_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-created_at",)
        constraints = (
            models.CheckConstraint(condition=Q(progress__gte=0, progress__lte=1), name="run_progress_share"),
            models.CheckConstraint(condition=Q(horizon_bars__gte=2), name="run_horizon_sane"),
        )

    def __str__(self) -> str:
        return f"training {self.pk}: {', '.join(self.symbols)} {self.timeframe}, {self.state}"

    @property
    def is_finished(self) -> bool:
        return self.state not in self.UNFINISHED


class ModelStatus(models.TextChoices):
    SHADOW = "shadow", "shadow: recorded, moves nothing"
    CANARY = "canary", "canary: a quarter of its weight"
    LIVE = "live", "live"
    RETIRED = "retired", "retired"


class ModelVersion(models.Model):
    """A trained model. Its artefact is text that is read, never code that is run."""

    ACTIVE = (ModelStatus.SHADOW, ModelStatus.CANARY, ModelStatus.LIVE)

    name = models.SlugField(max_length=80, help_text="Its family; versions of one family follow each other.")
    number = models.PositiveIntegerField(help_text="Counts the versions of the name.")
    exchange = models.CharField(max_length=32, blank=True, help_text="Empty where it is pooled.")
    symbol = models.CharField(max_length=40, blank=True, help_text="Empty where it is pooled.")
    timeframe = models.CharField(max_length=4)
    status = models.CharField(max_length=8, choices=ModelStatus, default=ModelStatus.SHADOW)
    artefact = models.TextField(help_text="JSON: the trees as LightGBM's text, the temperature, the baseline.")
    sha256 = models.CharField(max_length=64, help_text="Of the artefact's bytes in UTF-8.")
    schema_hash = models.CharField(max_length=64, help_text="Of the features' names and their definition's version.")
    span_start_ns = models.BigIntegerField()
    span_end_ns = models.BigIntegerField()
    bars = models.PositiveIntegerField()
    labels = models.PositiveIntegerField(help_text="Labelled events that it learned from, of every part.")
    label_params = models.JSONField()
    code_revision = models.CharField(max_length=64)
    trials = models.PositiveIntegerField(help_text="Models tried for this scope so far, this one included.")
    metrics = models.JSONField()
    refusals = models.JSONField(default=list, help_text="Why it should not be promoted, in sentences.")
    drift = models.JSONField(default=dict, help_text="The last comparison with what it was trained on.")
    evidence = models.JSONField(default=dict, help_text="What its predictions since it is in shadow were worth.")
    run = models.OneToOneField(TrainingRun, on_delete=models.SET_NULL, null=True, related_name="version")
    replaced = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, related_name="+", help_text="What was live before it."
    )
    created_at = models.DateTimeField()
    status_since = models.DateTimeField()

    class Meta:
        ordering = ("-created_at",)
        constraints = (
            models.UniqueConstraint(fields=("name", "number"), name="model_version_unique"),
            models.UniqueConstraint(
                fields=("exchange", "symbol", "timeframe"), condition=Q(status="live"), name="model_one_live_a_scope"
            ),
            models.UniqueConstraint(
                fields=("exchange", "symbol", "timeframe"),
                condition=Q(status="canary"),
                name="model_one_canary_a_scope",
            ),
            models.CheckConstraint(condition=Q(span_end_ns__gt=F("span_start_ns")), name="model_span_sane"),
        )

    def __str__(self) -> str:
        return f"{self.name} v{self.number}"

    @property
    def scope(self) -> str:
        """What it speaks for, in words."""
        where = f"{self.symbol} on {self.exchange}" if self.symbol else "any symbol (pooled)"
        return f"{where}, {self.timeframe}"


class ModelEvent(models.Model):
    """Something that was done to a version, by whom and why. Never changed, never deleted."""

    class Kind(models.TextChoices):
        REGISTERED = "registered", "registered"
        PROMOTED = "promoted", "promoted"
        FORCED = "forced", "promoted against the rules"
        DEMOTED = "demoted", "demoted"
        ROLLED_BACK = "rolled_back", "rolled back"
        RESTORED = "restored", "brought back"
        RETIRED = "retired", "retired"

    version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="events")
    kind = models.CharField(max_length=12, choices=Kind)
    before = models.CharField(max_length=8, blank=True)
    after = models.CharField(max_length=8)
    actor = models.CharField(max_length=150, blank=True, help_text="Empty: the system.")
    reason = models.CharField(max_length=500, blank=True)
    at = models.DateTimeField()

    class Meta:
        ordering = ("-at", "-pk")

    def __str__(self) -> str:
        return f"{self.version}: {self.kind}"


class ModelPrediction(models.Model):
    """What a version said at the close of a bar, written before its outcome was known."""

    version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="predictions")
    exchange = models.CharField(max_length=32)
    symbol = models.CharField(max_length=40)
    ts_close = models.BigIntegerField(help_text="Close of the bar, nanoseconds since the epoch, UTC.")
    ts_written = models.BigIntegerField(help_text="When it was written, nanoseconds since the epoch, UTC.")
    p_sell = models.FloatField()
    p_hold = models.FloatField()
    p_buy = models.FloatField()
    close = models.FloatField(help_text="The bar's close, quote.")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("version", "exchange", "symbol", "ts_close"), name="prediction_unique"),
        )

    def __str__(self) -> str:
        return f"{self.version_id} on {self.symbol} at {self.ts_close}"
