"""Why a bot did what it did: decisions with their whole trace, and the signals behind them."""

import uuid

from django.db import models

from bots.models.bot import Bot
from bots.models.choices import SignalSource, choices_of
from bots.models.querysets import OwnedQuerySet
from bots.trading.vocabulary import Action, ExitReason, Trigger, Verdict
from marketdata.models import Instrument


class Decision(models.Model):
    """One evaluation that mattered: it led to an order, or its verdict or reasons changed.

    `repeated` counts the evaluations before it that ended like the one stored last.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    bot = models.ForeignKey(Bot, on_delete=models.CASCADE, related_name="decisions")
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT)
    ts_event = models.BigIntegerField(help_text="Nanoseconds: the time of the event that was decided on.")
    created_at = models.DateTimeField(auto_now_add=True)
    trigger = models.CharField(max_length=10, choices=choices_of(Trigger))
    action = models.CharField(max_length=4, choices=choices_of(Action))
    exit_reason = models.CharField(max_length=16, choices=choices_of(ExitReason), blank=True)
    verdict = models.CharField(max_length=8, choices=choices_of(Verdict))
    reasons = models.JSONField(default=list, help_text="[{code, text}]: why not, or what each limit said.")
    price = models.FloatField()
    signal = models.FloatField(null=True, help_text="Blended signal, -1 to 1.")
    confidence = models.FloatField(null=True)
    coverage = models.FloatField(null=True)
    multiplier = models.FloatField(null=True, help_text="Diversification multiplier.")
    components = models.JSONField(
        default=list,
        help_text="[{name, timeframe, value, quality, weight, effective, contribution, n_obs, age_ms, reason, parts}].",
    )
    validators = models.JSONField(default=list, help_text="[{code, passed, value, limit, text}].")
    market = models.JSONField(
        default=dict,
        help_text="{regimes: {timeframe: {phase, direction, volatility, quality, score, since}}, regime, adapted, "
        "stop_multiplier, size}: what kind of market it was, and what the bot made of it.",
    )
    trace = models.JSONField(
        default=dict,
        help_text="{prices, blend, blocks, left_out, sizing}: what was seen, how it was blended, every state of the "
        "market that forbids entries, strategies without a vote, and what each limit allowed.",
    )
    reasoning = models.CharField(max_length=600)
    outlook = models.CharField(max_length=300, blank=True, help_text="In words, what would make it trade.")
    repeated = models.PositiveIntegerField(default=0)

    objects = OwnedQuerySet.as_manager()
    owner_path = "bot__owner"

    class Meta:
        ordering = ("-created_at",)
        indexes = (models.Index(fields=("bot", "-created_at")),)

    def __str__(self) -> str:
        return f"{self.action} {self.verdict}"


class Signal(models.Model):
    """A stored signal of one source. Written in batches by COPY."""

    bot = models.ForeignKey(Bot, on_delete=models.CASCADE, related_name="signals")
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT)
    decision_id = models.UUIDField(null=True, db_index=True)
    source = models.CharField(max_length=10, choices=SignalSource)
    action = models.CharField(max_length=4, choices=choices_of(Action))
    value = models.FloatField(null=True)
    confidence = models.FloatField()
    price = models.FloatField()
    reasoning = models.CharField(max_length=600)
    metadata = models.JSONField(default=dict)
    omitted = models.PositiveIntegerField(default=0, help_text="Signals not stored since the one before.")
    ts_event = models.BigIntegerField()
    created_at = models.DateTimeField()

    objects = OwnedQuerySet.as_manager()
    owner_path = "bot__owner"

    class Meta:
        ordering = ("-id",)
        indexes = (models.Index(fields=("bot", "-id")), models.Index(fields=("created_at",)))

    def __str__(self) -> str:
        return f"{self.source} {self.action} {self.value}"
