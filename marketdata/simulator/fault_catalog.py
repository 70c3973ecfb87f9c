"""Everything that can be made to go wrong here, in words, with the settings that each fault takes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType


class Fault(StrEnum):
    # Streams
    SKIP_DEPTH = "skip_depth"
    DUPLICATE_DEPTH = "duplicate_depth"
    REORDER_DEPTH = "reorder_depth"
    WRONG_LEVEL = "wrong_level"
    BAD_DEPTH = "bad_depth"
    SKIP_TRADE = "skip_trade"
    DUPLICATE_TRADE = "duplicate_trade"
    CORRUPT_FRAME = "corrupt_frame"
    HUGE_FRAME = "huge_frame"
    WRONG_ID = "wrong_id"
    CROSSED_QUOTE = "crossed_quote"
    ZERO_PRICE = "zero_price"
    NAN_PRICE = "nan_price"
    SPIKE_PRICE = "spike_price"
    FREEZE_DATA = "freeze_data"
    STAND_STILL = "stand_still"
    BURST = "burst"
    # Sockets
    DROP_SOCKETS = "drop_sockets"
    CLOSE_LISTENER = "close_listener"
    REFUSE_CONNECTIONS = "refuse_connections"
    HALF_OPEN = "half_open"
    SERVER_SHUTDOWN = "server_shutdown"
    LIFETIME = "lifetime"
    NO_PONG = "no_pong"
    SLOW_PONG = "slow_pong"
    PING_NOW = "ping_now"
    SILENT_SUBSCRIBE = "silent_subscribe"
    REFUSE_SYMBOL = "refuse_symbol"
    EXPIRE_LISTEN_KEY = "expire_listen_key"
    # REST
    OLD_SNAPSHOT = "old_snapshot"
    STALE_REST = "stale_rest"
    SLOW_ANSWER = "slow_answer"
    GARBAGE = "garbage"
    MAINTENANCE = "maintenance"
    TOO_MANY_REQUESTS = "too_many_requests"
    BAN = "ban"
    # The venue itself
    CLOCK_SKEW = "clock_skew"
    LISTING_CHANGE = "listing_change"
    DELIST = "delist"
    # Orders
    SLOW_MATCHING = "slow_matching"
    LOSE_ANSWER = "lose_answer"
    UNKNOWN_STATUS = "unknown_status"
    GARBLED_ANSWER = "garbled_answer"
    REJECT_REQUEST = "reject_request"

    @property
    def meaning(self) -> "Meaning":
        return MEANINGS[self]


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """What a fault does, and the settings it takes with their defaults.

    A `count` strikes so many times (for each symbol where the fault has one), `seconds` is how long it lasts; what has
    both ends with the first. None is no end.
    """

    text: str
    settings: Mapping[str, object] = field(default_factory=dict)


def _meaning(text: str, **settings: object) -> Meaning:
    return Meaning(text=text, settings=MappingProxyType(settings))


def _strikes(text: str, **settings: object) -> Meaning:
    """Of some frames of one symbol, or of every symbol."""
    return _meaning(text, **{"symbol": "", "count": 1, "seconds": 60.0} | settings)


def _prices(text: str, **settings: object) -> Meaning:
    """Of every frame for some seconds: a single one is over before anybody looks."""
    return _strikes(text, **{"count": None, "seconds": 5.0} | settings)


MEANINGS: Mapping[Fault, Meaning] = MappingProxyType(
    {
        Fault.SKIP_DEPTH: _strikes("leave out depth frames"),
        Fault.DUPLICATE_DEPTH: _strikes("send depth frames twice"),
        Fault.REORDER_DEPTH: _strikes("send a depth frame after the one that follows it"),
        Fault.WRONG_LEVEL: _strikes(
            "send a depth frame with a wrong size at its best bid or ask: Binance has no checksum, so nobody can tell "
            "but by comparing with a later snapshot"
        ),
        Fault.BAD_DEPTH: _meaning(
            "send `count` depth frames with update ids of long ago between the good ones, evenly over `seconds`",
            symbol="",
            count=100,
            seconds=2.0,
        ),
        Fault.SKIP_TRADE: _strikes("leave out trades"),
        Fault.DUPLICATE_TRADE: _strikes("send trades twice"),
        Fault.CORRUPT_FRAME: _strikes(
            "damage the share `rate` of the frames of `channel` (all without it): `kind` truncate (default), flip (one "
            "bit, which may hit a digit and then shows nowhere) or html",
            channel="",
            kind="truncate",
            rate=1.0,
        ),
        Fault.HUGE_FRAME: _meaning("send every market socket one frame of `bytes`", bytes=100_000_000),
        Fault.WRONG_ID: _strikes(
            "send an id that is far ahead of all others in frames of `channel`", channel="bookTicker"
        ),
        Fault.CROSSED_QUOTE: _prices("send quotes with the bid above the ask"),
        Fault.ZERO_PRICE: _prices("send a price of zero in frames of `channel`", channel="bookTicker"),
        Fault.NAN_PRICE: _prices("send a price that is no number in frames of `channel`", channel="bookTicker"),
        Fault.SPIKE_PRICE: _prices(
            "send prices times `factor` in frames of `channel`", channel="bookTicker", factor=10.0
        ),
        Fault.FREEZE_DATA: _meaning(
            "publish nothing of `symbol` and `channel` (everything without them); sockets stay open, pings are answered",
            symbol="",
            channel="",
            seconds=10.0,
        ),
        Fault.STAND_STILL: _meaning(
            "let nothing happen in the markets, so that a book can be compared with GET depth", seconds=10.0
        ),
        Fault.BURST: _meaning(
            "publish `rate` frames a second of the spot `channel` bookTicker (each a new size at the best bid) or trade (each "
            "with an id of its own, the ids of later trades move up) for `seconds`, as fast as readers take them",
            symbol="",
            channel="bookTicker",
            rate=10_000.0,
            seconds=2.0,
        ),
        Fault.DROP_SOCKETS: _meaning("cut every WebSocket now, without a closing handshake"),
        Fault.CLOSE_LISTENER: _meaning("stop listening and cut every connection", seconds=10.0),
        Fault.REFUSE_CONNECTIONS: _meaning("answer new WebSockets with HTTP `status`", seconds=10.0, status=503),
        Fault.HALF_OPEN: _meaning(
            "open sockets fall silent for ever, without a FIN: no data, no pong, no answer; new ones are accepted and "
            "their handshake never answered while this lasts",
            seconds=10.0,
        ),
        Fault.SERVER_SHUTDOWN: _meaning(
            "announce serverShutdown on every open market socket and close it `milliseconds` later", milliseconds=5000
        ),
        Fault.LIFETIME: _meaning(
            "close every socket that is `milliseconds` old: the 24 hours in small", milliseconds=5000, seconds=60.0
        ),
        Fault.NO_PONG: _meaning("answer no ping", seconds=10.0),
        Fault.SLOW_PONG: _meaning("answer pings `milliseconds` late", milliseconds=5000, seconds=30.0),
        Fault.PING_NOW: _meaning(
            "ping every socket and cut those that have not answered after `milliseconds`", milliseconds=3000
        ),
        Fault.SILENT_SUBSCRIBE: _meaning(
            "acknowledge no SUBSCRIBE; `executed` says whether its streams come all the same",
            count=None,
            seconds=10.0,
            executed=True,
        ),
        Fault.REFUSE_SYMBOL: _meaning(
            "refuse a SUBSCRIBE that names `symbol`; `executed` says whether its other streams come all the same",
            symbol="",
            seconds=10.0,
            executed=True,
        ),
        Fault.EXPIRE_LISTEN_KEY: _meaning(
            "expire every listenKey now; `kind` number or string is the type of the event's time", kind="number"
        ),
        Fault.OLD_SNAPSHOT: _strikes(
            "answer GET depth with the book of `milliseconds` ago (20 s at most)", milliseconds=2000
        ),
        Fault.STALE_REST: _meaning(
            "answer GET depth, trades and tickers with what was true `milliseconds` ago (20 s at most)",
            symbol="",
            milliseconds=5000,
            seconds=10.0,
        ),
        Fault.SLOW_ANSWER: _meaning(
            "answer REST requests of `channel` (e.g. depth; all without it) `milliseconds` late",
            channel="",
            milliseconds=2000,
            seconds=10.0,
            count=None,
        ),
        Fault.GARBAGE: _meaning(
            "answer REST requests of `channel` (all without it) with an HTML page and status 200",
            channel="",
            count=None,
            seconds=10.0,
        ),
        Fault.MAINTENANCE: _meaning(
            "cut every socket, refuse new ones and answer REST with 503 and a message", seconds=10.0
        ),
        Fault.TOO_MANY_REQUESTS: _meaning(
            "answer the next REST request with 429 and Retry-After of `milliseconds`; who asks again before that is "
            "banned with 418 for `seconds`",
            milliseconds=3000,
            seconds=120.0,
        ),
        Fault.BAN: _meaning("answer every request with 418", seconds=10.0),
        Fault.CLOCK_SKEW: _meaning("move the venue's clock by `milliseconds`", milliseconds=1000, seconds=10.0),
        Fault.LISTING_CHANGE: _meaning(
            "multiply the tick size of `symbol` in exchangeInfo and in the check of orders by `factor`; published "
            "prices keep their grid",
            symbol="",
            factor=10.0,
            seconds=None,
        ),
        Fault.DELIST: _meaning(
            "list `symbol` no more: absent from exchangeInfo, requests refused, streams silent",
            symbol="",
            seconds=None,
        ),
        Fault.SLOW_MATCHING: _meaning(
            "wait `milliseconds` between the arrival of an order and its matching", milliseconds=1000, seconds=10.0
        ),
        Fault.LOSE_ANSWER: _meaning(
            "carry out the next order request, then cut the connection before answering", count=1
        ),
        Fault.UNKNOWN_STATUS: _meaning(
            "answer the next order request with 503 and code -1006; `executed` says whether it was carried out",
            count=1,
            executed=True,
        ),
        Fault.GARBLED_ANSWER: _meaning("carry out the next order request and answer with an HTML page", count=1),
        Fault.REJECT_REQUEST: _meaning(
            "answer the next signed request with `status` and `code`", count=1, status=503, code=-1001
        ),
    }
)

# Those that change, add or remove frames on their way to the sockets.
STREAM_FAULTS = frozenset(
    {
        Fault.SKIP_DEPTH,
        Fault.DUPLICATE_DEPTH,
        Fault.REORDER_DEPTH,
        Fault.WRONG_LEVEL,
        Fault.SKIP_TRADE,
        Fault.DUPLICATE_TRADE,
        Fault.CORRUPT_FRAME,
        Fault.WRONG_ID,
        Fault.CROSSED_QUOTE,
        Fault.ZERO_PRICE,
        Fault.NAN_PRICE,
        Fault.SPIKE_PRICE,
        Fault.FREEZE_DATA,
        Fault.DELIST,
    }
)


def help_text() -> str:
    """Every fault on lines of its own, for --help."""
    rows = []
    for fault, meaning in MEANINGS.items():
        settings = ", ".join(f"{name}={_shown(value)}" for name, value in meaning.settings.items())
        rows.append(f"  {fault.value}: {meaning.text}" + (f" [{settings}]" if settings else ""))
    return "\n".join(rows)


def _shown(value: object) -> str:
    if value in (None, ""):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)
