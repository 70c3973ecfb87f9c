"""What every signal said minute by minute, and what that was worth afterwards.

Times that end in `_ns` are nanoseconds since the epoch, UTC. Bots are named by number and not linked: what their
weights were worth stays readable, and this side knows no bots.
"""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import F, Q


class SignalSample(models.Model):
    """All signals of one instrument at the close of a minute. Written in batches by COPY."""

    pk = models.CompositePrimaryKey("exchange", "symbol", "ts_event")
    exchange = models.CharField(max_length=32)
    symbol = models.CharField(max_length=40)
    ts_event = models.BigIntegerField(help_text="Nanoseconds: the close of the minute.")
    mid = models.FloatField(null=True, help_text="Middle of bid and ask when the signals were read.")
    regime = models.CharField(max_length=8, blank=True, help_text="trend, range, neutral; empty: not known yet.")
    direction = models.FloatField(null=True, help_text="-1, 0 or 1.")
    volatility = models.CharField(max_length=8, blank=True, help_text="low, normal, high, extreme.")
    names = ArrayField(models.CharField(max_length=160), help_text="The columns, e.g. speed, technical 5m.")
    values = ArrayField(models.FloatField(null=True), help_text="In [-1, 1]; null where a column had none.")
    qualities = ArrayField(models.FloatField(null=True), help_text="In [0, 1], less what was lost by age.")
    combined = models.FloatField(null=True, help_text="The blend by the default weights.")
    market = ArrayField(models.FloatField(null=True), default=list, help_text="What models learn from besides bars.")
    schema_hash = models.CharField(max_length=64, blank=True, help_text="Of the names behind `market`.")

    class Meta:
        # Rows come in order of time, so that a few pages of index find what is old.
        indexes = (BrinIndex(fields=("ts_event",), name="sample_ts_brin"),)

    def __str__(self) -> str:
        return f"signals of {self.symbol} at {self.ts_event}"


class EvidenceKind(models.TextChoices):
    COMPONENT = "component", "signal"
    BLEND = "blend", "default blend"
    BOT = "bot", "blend of a bot"
    VOTE = "vote", "learned vote"
    CANDIDATE = "candidate", "candidate"


class EvidenceVerdict(models.TextChoices):
    INSUFFICIENT = "insufficient", "insufficient evidence"
    SUPPORTS = "supports", "supports"
    CONTRADICTS = "contradicts", "contradicts"
    NOTHING = "nothing", "no effect seen"


class EvidenceRow(models.Model):
    """What one signal of one instrument was worth at one horizon, in one regime.

    `n` counts pairs of signal and later return, `n_eff` as how many independent ones they count. Figures that could
    not be computed are null, and `reason` says why.
    """

    exchange = models.CharField(max_length=32)
    symbol = models.CharField(max_length=40)
    kind = models.CharField(max_length=12, choices=EvidenceKind)
    component = models.CharField(max_length=48, help_text="e.g. speed, technical 5m, combined, bot:7.")
    bot = models.BigIntegerField(null=True, help_text="Number of the bot, for a blend of its own weights.")
    horizon_s = models.PositiveIntegerField(help_text="Seconds from the signal to the price it is judged by.")
    regime = models.CharField(max_length=16, blank=True, help_text="Empty: all of them.")
    window_start_ns = models.BigIntegerField()
    window_end_ns = models.BigIntegerField()
    computed_at = models.DateTimeField()

    n = models.PositiveIntegerField()
    n_eff = models.FloatField(null=True)
    needed = models.FloatField(null=True, help_text="Independent observations that this coefficient needs.")
    ic = models.FloatField(null=True, help_text="Information coefficient: rank correlation of signal and return.")
    ic_low = models.FloatField(null=True)
    ic_high = models.FloatField(null=True)
    t_hac = models.FloatField(null=True)
    n_independent = models.PositiveIntegerField(default=0, help_text="Pairs whose returns do not overlap.")
    ic_independent = models.FloatField(null=True)
    t_independent = models.FloatField(null=True)
    hit_rate = models.FloatField(null=True, help_text="Share of signals that had the sign of the return.")
    hit_low = models.FloatField(null=True)
    hit_high = models.FloatField(null=True)
    turnover = models.FloatField(null=True, help_text="Mean change of the signal from one horizon to the next.")
    break_even_bps = models.FloatField(null=True, help_text="Cost of a trade that would eat up what it earned.")
    marginal_ic = models.FloatField(null=True, help_text="What it adds to the default blend's coefficient.")
    half_life_s = models.FloatField(null=True, help_text="Horizon at which its coefficient has halved.")
    sharpe = models.FloatField(null=True, help_text="Of holding the signal over each horizon, per horizon, no costs.")
    psr = models.FloatField(null=True, help_text="Probability that the Sharpe ratio is above zero.")
    dsr = models.FloatField(null=True, help_text="The same, deflated for how many were tried.")
    verdict = models.CharField(max_length=12, choices=EvidenceVerdict)
    reason = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ("exchange", "symbol", "kind", "component", "horizon_s", "regime")
        constraints = (
            models.UniqueConstraint(
                fields=("exchange", "symbol", "component", "horizon_s", "regime"), name="evidence_unique"
            ),
            models.CheckConstraint(condition=Q(window_end_ns__gte=F("window_start_ns")), name="evidence_window_sane"),
            models.CheckConstraint(condition=Q(ic=None) | Q(ic__gte=-1, ic__lte=1), name="evidence_ic_in_range"),
        )

    def __str__(self) -> str:
        return f"{self.component} of {self.symbol} at {self.horizon_s} s: {self.verdict}"
