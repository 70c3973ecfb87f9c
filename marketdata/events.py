"""What the market tells us: one frozen record for each kind of observation.

Prices are in the quote asset, sizes in the base asset, both float64 as sent by the venue. Times are integer
nanoseconds since the epoch, UTC: `ts_event` by the venue's clock, `ts_init` by ours on receipt. Symbols are
unified (`BTC/USDT`). Records travel between processes as msgpack arrays, so new fields go last, with a default.
"""

from typing import Literal

from msgspec import Struct

Timeframe = Literal["1m", "3m", "5m", "15m", "30m", "1h", "4h", "1d"]

TIMEFRAME_SECONDS: dict[Timeframe, int] = {
    "1m": 60,
    "3m": 180,
    "5m": 300,
    "15m": 900,
    "30m": 1800,
    "1h": 3600,
    "4h": 14400,
    "1d": 86400,
}

# (price, size), best first.
Level = tuple[float, float]


class QuoteTick(Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="quote"):
    """Best bid and ask."""

    exchange: str
    symbol: str
    bid: float
    bid_size: float
    ask: float
    ask_size: float
    ts_event: int
    ts_init: int
    update_id: int = 0

    @property
    def mid(self) -> float:
        return (self.bid + self.ask) / 2


class TradeTick(Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="trade"):
    """A print. `buyer_is_maker` means that a seller crossed the spread."""

    exchange: str
    symbol: str
    price: float
    size: float
    buyer_is_maker: bool
    trade_id: int
    ts_event: int
    ts_init: int

    @property
    def sign(self) -> int:
        """+1 when a buyer crossed the spread, -1 when a seller did."""
        return -1 if self.buyer_is_maker else 1


class BookSnapshot(Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="book"):
    """The top levels of a valid order book."""

    exchange: str
    symbol: str
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    update_id: int
    ts_event: int
    ts_init: int


class BookDelta(Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="delta"):
    """Changed levels of an order book; size 0 removes a level. Never crosses the channel layer."""

    exchange: str
    symbol: str
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    first_update_id: int
    last_update_id: int
    ts_event: int
    ts_init: int


class Ticker(Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="ticker"):
    """The venue's rolling 24-hour summary. `change` is a fraction."""

    exchange: str
    symbol: str
    last: float
    change: float
    high: float
    low: float
    volume: float
    quote_volume: float
    ts_event: int
    ts_init: int


class Bar(Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="bar"):
    """Prices over one timeframe. Closed unless `closed` is false; `ts_close` is the first instant after the bar.

    `taker_buy_volume` is None where the venue does not tell who crossed the spread.
    """

    exchange: str
    symbol: str
    timeframe: Timeframe
    ts_open: int
    ts_close: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    taker_buy_volume: float | None
    trades: int
    closed: bool = True
    # "trades" when built from prints, "rest" when fetched, "synthetic" when the venue says that it was generated.
    source: str = "trades"


class Funding(Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="funding"):
    """A perpetual's funding rate, as a fraction for one interval."""

    exchange: str
    symbol: str
    rate: float
    interval_h: float
    ts_event: int
    ts_init: int


class OpenInterest(Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="open_interest"):
    """Open contracts, in contracts."""

    exchange: str
    symbol: str
    contracts: float
    ts_event: int
    ts_init: int


class LongShort(Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="long_short"):
    """Long accounts or positions for each short one. `scope` is "accounts", "top_accounts", "top_positions" or "taker"."""

    exchange: str
    symbol: str
    scope: str
    ratio: float
    ts_event: int
    ts_init: int


class Premium(Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="premium"):
    """A derivative's mark price beside its index, both in quote. `expiry` is 0 for a perpetual."""

    exchange: str
    symbol: str
    mark: float
    index: float
    ts_event: int
    ts_init: int
    expiry: int = 0


class Liquidation(Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="liquidation"):
    """A forced order of the venue. `side` is "sell" when a long was liquidated; size in base."""

    exchange: str
    symbol: str
    side: str
    price: float
    size: float
    ts_event: int
    ts_init: int


class OptionsSummary(Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="options"):
    """One number for each property of an option chain. Volatilities are annual fractions."""

    exchange: str
    symbol: str
    iv_atm_30d: float
    risk_reversal_25d: float
    put_volume: float
    call_volume: float
    ts_event: int
    ts_init: int
    iv_7d: float | None = None
    iv_90d: float | None = None
    put_open_interest: float = 0.0
    call_open_interest: float = 0.0
    strikes: int = 0
    index_price: float = 0.0


class VolatilityIndex(Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="volatility_index"):
    """A venue's implied volatility index for 30 days, as an annual fraction (DVOL 55 is 0.55)."""

    exchange: str
    symbol: str
    value: float
    ts_event: int
    ts_init: int


class OptionsFlow(Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="options_flow"):
    """Taker flow of options between two times, in base: the sum of direction x delta x amount, and of its size."""

    exchange: str
    symbol: str
    net_delta: float
    gross_delta: float
    trades: int
    ts_event: int
    ts_init: int


class Headline(Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="headline"):
    """A news item about an asset (`symbol` is its code, e.g. BTC). Text from outside: never trusted, always escaped.

    `ts_event` is when the publisher says it was published, `ts_init` when we first saw it.
    """

    exchange: str
    symbol: str
    title: str
    link: str
    ts_event: int
    ts_init: int


class Sentiment(Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="sentiment"):
    """A sentiment index of 0 (fear) to 100 (greed)."""

    exchange: str
    symbol: str
    index: float
    ts_event: int
    ts_init: int


class FeedState(Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="feed_state"):
    """Whether what arrives for a symbol may be traded on. Sent when it changes.

    state: live, stale, resyncing, fallback or disconnected. source: "websocket" or "rest".
    """

    exchange: str
    symbol: str
    state: str
    source: str
    reason: str
    ts_event: int
    ts_init: int


class HistoryReady(Struct, frozen=True, kw_only=True, array_like=True, gc=False, tag="history"):
    """Closed bars from before, or from a gap, are in the database now: who keeps bars loads its timeframe again."""

    exchange: str
    symbol: str
    timeframe: Timeframe
    ts_event: int
    ts_init: int


# Observations of seconds to days, beside ticks and bars.
SLOW = (
    Funding,
    OpenInterest,
    LongShort,
    Premium,
    Liquidation,
    OptionsSummary,
    VolatilityIndex,
    OptionsFlow,
    Sentiment,
    Headline,
)

# What may cross the channel layer.
Event = (
    QuoteTick
    | TradeTick
    | BookSnapshot
    | Ticker
    | Bar
    | Funding
    | OpenInterest
    | LongShort
    | Premium
    | Liquidation
    | OptionsSummary
    | VolatilityIndex
    | OptionsFlow
    | Sentiment
    | Headline
    | FeedState
    | HistoryReady
)


class Batch(Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """One message on the channel layer: at most MAX_BATCH events of one instrument, oldest first.

    `epoch` is the leading feed's lease epoch and `sequence` counts up by one within it: a consumer drops lower
    epochs and treats a hole as stale. `now_ns` is the feed's clock on publishing, which under replay is the
    stream's own time.
    """

    exchange: str
    symbol: str
    epoch: int
    sequence: int
    now_ns: int
    events: tuple[Event, ...]


MAX_BATCH = 50
