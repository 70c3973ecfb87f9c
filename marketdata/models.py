"""What the database knows of markets: venues, instruments, who follows what, bars, and how the feeds are."""

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q

from marketdata.exchanges.catalog import SIMULATED, UnknownAdapter, get_adapter


class Environment(models.TextChoices):
    SIMULATED = "simulated", "simulated exchange"
    TESTNET = "testnet", "testnet or sandbox"
    LIVE = "live", "live"


class StreamClock(models.TextChoices):
    SYSTEM = "system", "this machine's clock"
    STREAM = "stream", "the stream's own time (replay)"


def default_environment() -> str:
    """Nothing reaches a real venue unless WEBSOCKET_MOCK_MODE is off or someone chooses so."""
    return Environment.SIMULATED if settings.WEBSOCKET_MOCK_MODE else Environment.LIVE


class Exchange(models.Model):
    """A venue to stream from, and how to connect to it."""

    code = models.SlugField(max_length=32, unique=True, help_text="Short name, e.g. binance or simulated.")
    name = models.CharField(max_length=64)
    adapter = models.CharField(
        max_length=32,
        help_text="Which dialect it speaks: binance, binance-usdm, bingx, bingx-spot, coinbase, kraken, kucoin, "
        "kucoin-futures, upstox, or ccxt:NAME for any other exchange of CCXT Pro, e.g. ccxt:okx.",
    )
    environment = models.CharField(
        max_length=16,
        choices=Environment,
        default=default_environment,
        help_text="New exchanges begin as simulated while WEBSOCKET_MOCK_MODE is true, and as live otherwise.",
    )
    enabled = models.BooleanField(default=True, help_text="Disabled venues are not streamed.")
    clock = models.CharField(
        max_length=8,
        choices=StreamClock,
        default=StreamClock.SYSTEM,
        help_text="Under replay the stream is the clock, so that a recording is neither stale nor skewed.",
    )
    rest_url = models.URLField(blank=True, help_text="Empty: the adapter's own address for the environment.")
    websocket_url = models.CharField(
        max_length=200, blank=True, help_text="Empty: the adapter's own address for the environment."
    )
    connect_timeout_s = models.FloatField(default=30, validators=[MinValueValidator(1), MaxValueValidator(300)])
    ping_interval_s = models.FloatField(default=30, validators=[MinValueValidator(1), MaxValueValidator(300)])
    pong_timeout_s = models.FloatField(default=10, validators=[MinValueValidator(1), MaxValueValidator(300)])
    reconnect_max_s = models.FloatField(
        default=30,
        validators=[MinValueValidator(1), MaxValueValidator(600)],
        help_text="First retry at once, then 1 s, doubled up to this.",
    )
    reconnect_jitter = models.FloatField(
        default=0.1, validators=[MinValueValidator(0), MaxValueValidator(1)], help_text="Fraction of the delay."
    )
    failed_after = models.PositiveSmallIntegerField(
        default=5,
        validators=[MinValueValidator(1)],
        help_text="Failures in a row after which the feed counts as failed, 1 or more; slow retries go on.",
    )
    second_source = models.ForeignKey(
        "self",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text="Another exchange whose prices of the same symbols are compared with these. Empty: this one's REST.",
    )
    divergence_bps = models.FloatField(
        default=100,
        validators=[MinValueValidator(1), MaxValueValidator(5000)],
        help_text="Prices of the two sources that are further apart than this for 5 s raise an event.",
    )

    class Meta:
        ordering = ("code",)

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Raises ValidationError, which says what is known instead."""
        try:
            adapter = get_adapter(self.adapter)
        except UnknownAdapter as error:
            raise ValidationError({"adapter": str(error)}) from None
        if self.environment == Environment.SIMULATED and self.adapter not in SIMULATED and not self.rest_url:
            known = ", ".join(sorted(SIMULATED))
            message = (
                f"The simulated exchange does not speak {self.adapter} (it speaks {known}): choose live or testnet, or "
                "give the addresses of a server of your own."
            )
            raise ValidationError({"environment": message})
        if self.environment != Environment.SIMULATED and not (self.rest_url and self.websocket_url):
            try:
                adapter.endpoints(self.environment)
            except ValueError as error:
                raise ValidationError({"environment": str(error)}) from None
        if self.second_source_id is not None and self.second_source_id == self.pk:
            raise ValidationError({"second_source": "Choose another exchange: this one cannot contradict itself."})


class InstrumentKind(models.TextChoices):
    SPOT = "spot", "spot"
    PERPETUAL = "perpetual", "perpetual"
    FUTURE = "future", "future"
    OPTION = "option", "option"
    INDEX = "index", "index"


class Instrument(models.Model):
    """Something tradable on a venue, with its rules. Sizes in base, prices and notional in quote."""

    exchange = models.ForeignKey(Exchange, on_delete=models.PROTECT, related_name="instruments")
    symbol = models.CharField(max_length=40, help_text="Unified, e.g. BTC/USDT.")
    venue_symbol = models.CharField(max_length=40, help_text="As the venue spells it, e.g. BTCUSDT.")
    kind = models.CharField(max_length=12, choices=InstrumentKind, default=InstrumentKind.SPOT)
    base = models.CharField(max_length=20)
    quote = models.CharField(max_length=20)
    tick_size = models.DecimalField(max_digits=28, decimal_places=12)
    lot_size = models.DecimalField(max_digits=28, decimal_places=12)
    min_quantity = models.DecimalField(max_digits=28, decimal_places=12)
    max_quantity = models.DecimalField(max_digits=28, decimal_places=12)
    min_notional = models.DecimalField(max_digits=28, decimal_places=12)
    contract_size = models.DecimalField(
        max_digits=28, decimal_places=12, default=1, help_text="Base units in one of the venue's units of size."
    )
    price_decimals = models.PositiveSmallIntegerField(null=True, help_text="Where the venue's checksum needs them.")
    size_decimals = models.PositiveSmallIntegerField(null=True, help_text="Where the venue's checksum needs them.")
    active = models.BooleanField(default=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("exchange__code", "symbol")
        constraints = (
            models.UniqueConstraint(fields=("exchange", "symbol"), name="instrument_symbol_unique"),
            models.CheckConstraint(
                condition=Q(tick_size__gt=0, lot_size__gt=0, min_quantity__gte=0, min_notional__gte=0),
                name="instrument_rules_positive",
            ),
        )

    def __str__(self) -> str:
        return f"{self.symbol} on {self.exchange.code}"


class Subscription(models.Model):
    """A follower's wish to have a symbol streamed. The feed streams what at least one follower wants.

    `follower` names who asks, e.g. "bot:7"; the feed reads these rows once a second.
    """

    exchange = models.ForeignKey(Exchange, on_delete=models.CASCADE, related_name="subscriptions")
    symbol = models.CharField(max_length=40)
    follower = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("exchange", "symbol", "follower"), name="subscription_unique"),)

    def __str__(self) -> str:
        return f"{self.follower} follows {self.symbol}"


class BarRow(models.Model):
    """A closed bar. Prices in quote, volumes in base."""

    instrument = models.ForeignKey(Instrument, on_delete=models.CASCADE, related_name="bars")
    timeframe = models.CharField(max_length=4)
    ts_open = models.BigIntegerField(help_text="Nanoseconds since the epoch, UTC.")
    open = models.FloatField()
    high = models.FloatField()
    low = models.FloatField()
    close = models.FloatField()
    volume = models.FloatField()
    taker_buy_volume = models.FloatField(null=True)
    trades = models.IntegerField(default=0)
    source = models.CharField(max_length=12)

    class Meta:
        db_table = "marketdata_bar"
        constraints = (
            models.UniqueConstraint(fields=("instrument", "timeframe", "ts_open"), name="bar_unique"),
            models.CheckConstraint(condition=Q(high__gte=F("low"), low__gt=0, volume__gte=0), name="bar_range_sane"),
        )

    def __str__(self) -> str:
        return f"{self.timeframe} bar of {self.instrument_id} at {self.ts_open}"


class FeedLease(models.Model):
    """Which process leads a venue's feed. Its epoch goes up by one with every new leader."""

    exchange = models.OneToOneField(Exchange, on_delete=models.CASCADE, related_name="lease")
    holder = models.CharField(max_length=64, blank=True)
    epoch = models.BigIntegerField(default=0)
    expires_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.exchange_id} led by {self.holder or 'nobody'} (epoch {self.epoch})"


class FeedStatus(models.Model):
    """How the stream of one symbol is, written by its feed once a second."""

    class State(models.TextChoices):
        CONNECTING = "connecting", "connecting"
        LIVE = "live", "live"
        STALE = "stale", "stale"
        RESYNCING = "resyncing", "resyncing"
        FALLBACK = "fallback", "REST fallback"
        DISCONNECTED = "disconnected", "disconnected"
        FAILED = "failed", "failed"
        CLOSED = "closed", "market closed"
        REFUSED = "refused", "refused by the venue"
        UNKNOWN_SYMBOL = "unknown_symbol", "unknown symbol"

    exchange = models.ForeignKey(Exchange, on_delete=models.CASCADE, related_name="feeds")
    symbol = models.CharField(max_length=40)
    state = models.CharField(max_length=16, choices=State, default=State.CONNECTING)
    source = models.CharField(max_length=12, default="websocket")
    reason = models.CharField(max_length=300, blank=True)
    last_price = models.FloatField(null=True)
    last_tick_at = models.DateTimeField(null=True)
    messages_per_s = models.FloatField(default=0)
    lag_p50_ms = models.FloatField(null=True)
    lag_p95_ms = models.FloatField(null=True)
    messages = models.BigIntegerField(default=0)
    rejected = models.BigIntegerField(default=0)
    gaps = models.IntegerField(default=0)
    reconnects = models.IntegerField(default=0)
    updated_at = models.DateTimeField()

    class Meta:
        ordering = ("exchange__code", "symbol")
        verbose_name_plural = "feed status"
        constraints = (models.UniqueConstraint(fields=("exchange", "symbol"), name="feed_status_unique"),)

    def __str__(self) -> str:
        return f"{self.symbol} {self.state}"


class FeedEvent(models.Model):
    """Something people should see: connected, disconnected, reconnecting, stale, gap, resync, fallback, rejected."""

    exchange = models.ForeignKey(Exchange, on_delete=models.CASCADE, related_name="events")
    symbol = models.CharField(max_length=40, blank=True)
    kind = models.CharField(max_length=24)
    message = models.CharField(max_length=500)
    at = models.DateTimeField()

    class Meta:
        ordering = ("-at",)
        indexes = (models.Index(fields=("-at",)),)

    def __str__(self) -> str:
        return f"{self.kind}: {self.message}"


class SourceKind(models.TextChoices):
    BINANCE_FUTURES = "binance-futures", "Binance futures: funding, open interest, long/short, premium"
    DERIBIT = "deribit", "Deribit: option chain, flow, volatility index"
    FEAR_GREED = "fear-greed", "Fear & Greed index"
    RSS = "rss", "headlines (RSS or Atom)"


class SlowSource(models.Model):
    """Something that is asked every minute or less often, and stored, because venues keep it for 30 days only."""

    name = models.SlugField(max_length=32, unique=True)
    kind = models.CharField(max_length=20, choices=SourceKind)
    environment = models.CharField(max_length=16, choices=Environment, default=default_environment)
    enabled = models.BooleanField(default=True)
    url = models.URLField(blank=True, help_text="Empty: the source's own address. Needed for headlines.")
    holder = models.CharField(max_length=64, blank=True, editable=False)
    lease_expires_at = models.DateTimeField(null=True, editable=False)
    state = models.CharField(max_length=16, default="waiting", editable=False)
    reason = models.CharField(max_length=300, blank=True, editable=False)
    last_success_at = models.DateTimeField(null=True, editable=False)
    updated_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class Observation(models.Model):
    """One slow observation: an event of marketdata.events other than ticks and bars, with its own fields as JSON."""

    source = models.CharField(max_length=32, help_text="Name of the slow source or code of the exchange.")
    symbol = models.CharField(max_length=40, help_text="Unified symbol, or an asset's code.")
    kind = models.CharField(max_length=20, help_text="Tag of the event, e.g. funding or open_interest.")
    key = models.CharField(max_length=64, blank=True, help_text="Tells apart observations of the same time.")
    ts_event = models.BigIntegerField(help_text="Nanoseconds since the epoch, UTC, by the source's clock.")
    ts_init = models.BigIntegerField(help_text="Nanoseconds since the epoch, UTC: when it was first seen here.")
    data = models.JSONField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("source", "symbol", "kind", "key", "ts_event"), name="observation_unique"),
        )
        indexes = (models.Index(fields=("symbol", "kind", "-ts_event")),)

    def __str__(self) -> str:
        return f"{self.kind} of {self.symbol} at {self.ts_event}"
