"""Bots: what to trade, on which signals, within which limits."""

from decimal import Decimal
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from bots.models.account import Account
from bots.models.choices import BotState, Evaluation, OnDailyLoss, OnDrawdown, SignalStorage, choices_of
from bots.models.querysets import OwnedQuerySet
from bots.trading.vocabulary import Ladder, OrderType
from marketdata.events import TIMEFRAME_SECONDS
from marketdata.models import Instrument
from quant.blend import DEFAULT_WEIGHTS
from quant.reading import Component
from quant.regime import DEFAULT_FRAMES, MAX_TIMEFRAMES
from quant.strategies import STRATEGIES


def default_timeframes() -> dict[str, float]:
    return {"1m": 1.0}


def default_regime_timeframes() -> dict[str, float]:
    return {str(timeframe): weight for timeframe, weight in DEFAULT_FRAMES.items()}


def default_component_weights() -> dict[str, float]:
    return {str(component): weight for component, weight in DEFAULT_WEIGHTS.items()}


def _validate_weights(field: str, value: Any, known: set[str]) -> None:
    if not isinstance(value, dict) or not value:
        raise ValidationError({field: f'Give a JSON object such as {{"{sorted(known)[0]}": 1.0}}.'})
    for name, weight in value.items():
        if name not in known:
            raise ValidationError({field: f"Unknown name {name!r}; known are {', '.join(sorted(known))}."})
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight <= 100:
            raise ValidationError({field: f"The weight of {name} is {weight!r}; it must be a number from 0 to 100."})
    if sum(value.values()) <= 0:
        raise ValidationError({field: "At least one weight must be above 0."})


SWITCHABLE = (*STRATEGIES, *(str(component) for component in Component))


def _validate_switches(names: Any, weights: Any) -> None:
    field = "disabled_strategies"
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValidationError(
            {field: 'Give a JSON list of names such as ["mean_reversion", "sentiment"]; []: all are on.'}
        )
    if unknown := sorted(set(names) - set(SWITCHABLE)):
        raise ValidationError({field: f"Unknown name {unknown[0]!r}; known are {', '.join(SWITCHABLE)}."})
    off = {*names, *({"technical"} if set(STRATEGIES) <= set(names) else ())}
    if not any(weight > 0 for name, weight in weights.items() if name not in off):
        raise ValidationError({field: "Everything that has a weight is switched off: leave at least one signal on."})


FRACTION = [MinValueValidator(Decimal(0)), MaxValueValidator(Decimal(1))]


class Bot(models.Model):
    """One strategy on one account. Fractions are of 1: 0.02 is 2 %."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="bots")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="bots")
    name = models.CharField(max_length=64)
    description = models.CharField(max_length=300, blank=True)
    instruments = models.ManyToManyField(Instrument, related_name="bots", help_text="The watchlist.")

    state = models.CharField(max_length=8, choices=BotState, default=BotState.STOPPED)
    state_reason = models.CharField(max_length=300, blank=True)
    ladder = models.CharField(max_length=8, choices=choices_of(Ladder), default=Ladder.ACTIVE)
    ladder_reason = models.CharField(max_length=300, blank=True)
    closing_since = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="Stopped with the wish to hold nothing: what fills still is closed too.",
    )
    cleared_at = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="When a person allowed trading again: throttles count from here.",
    )

    evaluation = models.CharField(max_length=10, choices=Evaluation, default=Evaluation.INTERVAL)
    interval_s = models.PositiveIntegerField(
        default=45, validators=[MinValueValidator(1), MaxValueValidator(86_400)], help_text="For 'every N seconds'."
    )
    timeframes = models.JSONField(
        default=default_timeframes,
        help_text='Bars behind the technical signal and their weights, e.g. {"1m": 1, "5m": 0.5}.',
    )
    component_weights = models.JSONField(
        default=default_component_weights, help_text="Weight of each signal; 0 disables it."
    )
    disabled_strategies = models.JSONField(
        default=list,
        blank=True,
        help_text="Signals, and strategies within technical, that are switched off whatever their weight, e.g. "
        '["mean_reversion", "sentiment"]. []: all are on.',
    )
    strategy_weight_balance = models.FloatField(
        null=True,
        blank=True,
        validators=[MinValueValidator(0), MaxValueValidator(1)],
        help_text="Share of technical against quant signals; empty: the installation's setting.",
    )
    use_diversification_multiplier = models.BooleanField(
        default=True, help_text="Scales confidence and size (never the signal) for signals that are not correlated."
    )
    validator_enabled = models.BooleanField(
        default=True,
        help_text="Agreement, families and coverage. Off leaves minimum confidence, risk limits and the quant block.",
    )
    minimum_confidence = models.FloatField(default=0.25, validators=[MinValueValidator(0), MaxValueValidator(1)])
    minimum_coverage = models.FloatField(default=0.3, validators=[MinValueValidator(0), MaxValueValidator(1)])
    edge_gate = models.BooleanField(
        default=False,
        help_text="No entry whose expected return over an hour (information coefficient x volatility x strength of the signal) is below 1.5 "
        "times fees, half the spread and impact. Refuses only where the evidence of the blend is significant; shown in "
        "every decision either way. A validator: without them it is off.",
    )
    adapt_to_regime = models.BooleanField(
        default=False,
        help_text="Weights and stop distances follow the market's regime: trend or range, calm or wild.",
    )
    regime_timeframes = models.JSONField(
        default=default_regime_timeframes,
        help_text='Up to three timeframes that the regime is told by, and their weights, e.g. {"5m": 1, "1h": 2}.',
    )
    maximum_volatility = models.FloatField(
        default=0.95,
        validators=[MinValueValidator(0.5), MaxValueValidator(1)],
        help_text="Volatility-spike filter: no entries while volatility is above this share of its last 500 minutes, "
        "0.95 being its wildest twentieth. 1: off.",
    )
    second_source = models.BooleanField(
        default=False,
        help_text="When the exchange's own prices stop or cannot be true, go on with those of its second source. "
        "Off: nothing trades until they are back, and stops wait too.",
    )
    signal_storage = models.CharField(max_length=8, choices=SignalStorage, default=SignalStorage.SAMPLED)

    order_type = models.CharField(max_length=8, choices=choices_of(OrderType), default=OrderType.MARKET)
    capital = models.DecimalField(
        max_digits=28,
        decimal_places=12,
        default=Decimal(2_000),
        validators=[MinValueValidator(Decimal(1))],
        help_text="What the bot's equity and drawdown are measured on, in the account's quote asset.",
    )
    maximum_positions = models.PositiveSmallIntegerField(
        default=3, validators=[MinValueValidator(1), MaxValueValidator(500)]
    )
    maximum_position_value = models.DecimalField(
        max_digits=28, decimal_places=12, default=Decimal(300), validators=[MinValueValidator(Decimal(1))]
    )
    maximum_trades_per_day = models.PositiveIntegerField(default=200, validators=[MinValueValidator(1)])
    maximum_entries_per_5_minutes = models.PositiveSmallIntegerField(
        default=10,
        validators=[MinValueValidator(1), MaxValueValidator(300)],
        help_text="Reached, or three tenths of it in one symbol within a minute: no entries until a person clears it.",
    )
    stop_loss = models.DecimalField(max_digits=9, decimal_places=6, default=Decimal("0.02"), validators=FRACTION)
    take_profit = models.DecimalField(
        max_digits=9, decimal_places=6, default=Decimal("0.04"), validators=FRACTION, help_text="0: none."
    )
    trailing_stop = models.DecimalField(
        max_digits=9, decimal_places=6, default=Decimal(0), validators=FRACTION, help_text="0: none."
    )
    daily_loss_limit = models.DecimalField(
        max_digits=9,
        decimal_places=6,
        default=Decimal("0.03"),
        validators=FRACTION,
        help_text="Reached: no entries today.",
    )
    weekly_target = models.DecimalField(
        max_digits=9,
        decimal_places=6,
        null=True,
        blank=True,
        validators=FRACTION,
        help_text="Reached since Monday 00:00 UTC: no entries until next week.",
    )
    maximum_drawdown = models.DecimalField(
        max_digits=9, decimal_places=6, default=Decimal("0.10"), validators=FRACTION, help_text="Reached: exits only."
    )
    on_daily_loss = models.CharField(
        max_length=8, choices=OnDailyLoss, default=OnDailyLoss.PAUSE, help_text="Flatten stands until it is cleared."
    )
    on_drawdown = models.CharField(
        max_length=8, choices=OnDrawdown, default=OnDrawdown.REDUCE, help_text="Either stands until it is cleared."
    )

    version = models.PositiveIntegerField(default=1, help_text="Goes up with every change of settings.")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = OwnedQuerySet.as_manager()
    owner_path = "owner"

    class Meta:
        ordering = ("name",)
        constraints = (
            models.UniqueConstraint(fields=("owner", "name"), name="bot_name_unique"),
            models.CheckConstraint(
                condition=Q(
                    capital__gt=0,
                    maximum_position_value__gt=0,
                    stop_loss__gt=0,
                    stop_loss__lt=1,
                    take_profit__gte=0,
                    trailing_stop__gte=0,
                    trailing_stop__lt=1,
                    maximum_drawdown__gt=0,
                    minimum_confidence__gte=0,
                    minimum_confidence__lte=1,
                    interval_s__gte=1,
                ),
                name="bot_settings_in_range",
            ),
        )

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Raises ValidationError naming the field, the value and what is allowed."""
        _validate_weights("timeframes", self.timeframes, set(TIMEFRAME_SECONDS))
        _validate_weights("component_weights", self.component_weights, set(default_component_weights()))
        _validate_switches(self.disabled_strategies, self.component_weights)
        _validate_weights("regime_timeframes", self.regime_timeframes, set(TIMEFRAME_SECONDS))
        if len(self.regime_timeframes) > MAX_TIMEFRAMES:
            raise ValidationError({"regime_timeframes": f"Give at most {MAX_TIMEFRAMES} timeframes."})
        # A form cleans what it could read: fields that it could not are still None here.
        values: dict[str, Any] = vars(self)
        stop_loss, value, capital = (values.get(name) for name in ("stop_loss", "maximum_position_value", "capital"))
        if stop_loss is not None and not 0 < stop_loss < 1:
            raise ValidationError({"stop_loss": "Every position needs a stop: give a fraction above 0 and below 1."})
        drawdown, trailing = values.get("maximum_drawdown"), values.get("trailing_stop")
        if drawdown is not None and drawdown <= 0:
            raise ValidationError({"maximum_drawdown": "Give a fraction above 0; with 0 it would never enter."})
        if trailing is not None and trailing >= 1:
            raise ValidationError({"trailing_stop": "Give a fraction below 1; 0: none."})
        if self.account_id and self.owner_id and self.account.owner_id != self.owner_id:
            raise ValidationError({"account": "The account belongs to somebody else; choose one of the bot's owner."})
        if value is not None and capital is not None and value > capital:
            raise ValidationError({"maximum_position_value": f"At most the bot's capital ({capital.normalize():f})."})

    @property
    def is_active(self) -> bool:
        """Whether an engine must look after it: paused bots still manage their exits."""
        return self.state in (BotState.RUNNING, BotState.PAUSED)


class BotLease(models.Model):
    """Which engine owns a bot. Its epoch fences every write of the engine."""

    bot = models.OneToOneField(Bot, on_delete=models.CASCADE, related_name="lease", primary_key=True)
    epoch = models.BigIntegerField(default=0)
    holder = models.CharField(max_length=80, blank=True)
    expires_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"bot {self.bot_id} led by {self.holder or 'nobody'} (epoch {self.epoch})"


class Session(models.Model):
    """One run of a bot, from start to stop."""

    bot = models.ForeignKey(Bot, on_delete=models.CASCADE, related_name="sessions")
    started_at = models.DateTimeField()
    started_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True)
    ended_at = models.DateTimeField(null=True)
    end_reason = models.CharField(max_length=300, blank=True)

    objects = OwnedQuerySet.as_manager()
    owner_path = "bot__owner"

    class Meta:
        ordering = ("-started_at",)
        constraints = (
            models.UniqueConstraint(fields=("bot",), condition=Q(ended_at=None), name="session_one_open_per_bot"),
        )

    def __str__(self) -> str:
        return f"{self.bot} since {self.started_at:%Y-%m-%d %H:%M}"
