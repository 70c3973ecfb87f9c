"""Everything that can be made to go wrong here, in words, with the settings that each fault takes."""

from collections.abc import Mapping
from types import MappingProxyType

from marketdata.simulator.fault_names import Fault as Fault
from marketdata.simulator.fault_names import Meaning, meaning, prices, strikes
from marketdata.simulator.order_fault_catalog import ORDER_MEANINGS

MEANINGS: Mapping[Fault, Meaning] = MappingProxyType(
    {
        Fault.SKIP_DEPTH: strikes("leave out depth frames"),
        Fault.DUPLICATE_DEPTH: strikes("send depth frames twice"),
        Fault.REORDER_DEPTH: strikes("send a depth frame after the one that follows it"),
        Fault.WRONG_LEVEL: strikes(
            "send a depth frame with a wrong size at its best bid or ask: Binance has no checksum, so nobody can tell "
            "but by comparing with a later snapshot"
        ),
        Fault.BAD_DEPTH: meaning(
            "send `count` depth frames with update ids of long ago between the good ones, evenly over `seconds`",
            symbol="",
            count=100,
            seconds=2.0,
        ),
        Fault.SKIP_TRADE: strikes("leave out trades"),
        Fault.DUPLICATE_TRADE: strikes("send trades twice"),
        Fault.CORRUPT_FRAME: strikes(
            "damage the share `rate` of the frames of `channel` (all without it): `kind` truncate (default), flip (one "
            "bit, which may hit a digit and then shows nowhere) or html",
            channel="",
            kind="truncate",
            rate=1.0,
        ),
        Fault.HUGE_FRAME: meaning("send every market socket one frame of `bytes`", bytes=100_000_000),
        Fault.WRONG_ID: strikes(
            "send an id that is far ahead of all others in frames of `channel`", channel="bookTicker"
        ),
        Fault.CROSSED_QUOTE: prices("send quotes with the bid above the ask"),
        Fault.ZERO_PRICE: prices("send a price of zero in frames of `channel`", channel="bookTicker"),
        Fault.NAN_PRICE: prices("send a price that is no number in frames of `channel`", channel="bookTicker"),
        Fault.SPIKE_PRICE: prices(
            "send prices times `factor` in frames of `channel`", channel="bookTicker", factor=10.0
        ),
        Fault.FREEZE_DATA: meaning(
            "publish nothing of `symbol` and `channel` (everything without them); sockets stay open, pings are answered",
            symbol="",
            channel="",
            seconds=10.0,
        ),
        Fault.STAND_STILL: meaning(
            "let nothing happen in the markets, so that a book can be compared with GET depth", seconds=10.0
        ),
        Fault.BURST: meaning(
            "publish `rate` frames a second of the spot `channel` bookTicker (each a new size at the best bid) or trade (each "
            "with an id of its own, the ids of later trades move up) for `seconds`, as fast as readers take them",
            symbol="",
            channel="bookTicker",
            rate=10_000.0,
            seconds=2.0,
        ),
        Fault.DROP_SOCKETS: meaning("cut every WebSocket now, without a closing handshake"),
        Fault.CLOSE_LISTENER: meaning("stop listening and cut every connection", seconds=10.0),
        Fault.REFUSE_CONNECTIONS: meaning("answer new WebSockets with HTTP `status`", seconds=10.0, status=503),
        Fault.HALF_OPEN: meaning(
            "open sockets fall silent for ever, without a FIN: no data, no pong, no answer; new ones are accepted and "
            "their handshake never answered while this lasts",
            seconds=10.0,
        ),
        Fault.SERVER_SHUTDOWN: meaning(
            "announce serverShutdown on every open market socket and close it `milliseconds` later", milliseconds=5000
        ),
        Fault.LIFETIME: meaning(
            "close every socket that is `milliseconds` old: the 24 hours in small", milliseconds=5000, seconds=60.0
        ),
        Fault.NO_PONG: meaning("answer no ping", seconds=10.0),
        Fault.SLOW_PONG: meaning("answer pings `milliseconds` late", milliseconds=5000, seconds=30.0),
        Fault.PING_NOW: meaning(
            "ping every socket and cut those that have not answered after `milliseconds`", milliseconds=3000
        ),
        Fault.SILENT_SUBSCRIBE: meaning(
            "acknowledge no SUBSCRIBE; `executed` says whether its streams come all the same",
            count=None,
            seconds=10.0,
            executed=True,
        ),
        Fault.REFUSE_SYMBOL: meaning(
            "refuse a SUBSCRIBE that names `symbol`; `executed` says whether its other streams come all the same",
            symbol="",
            seconds=10.0,
            executed=True,
        ),
        Fault.EXPIRE_LISTEN_KEY: meaning(
            "expire every listenKey now; `kind` number or string is the type of the event's time", kind="number"
        ),
        Fault.OLD_SNAPSHOT: strikes(
            "answer GET depth with the book of `milliseconds` ago (20 s at most)", milliseconds=2000
        ),
        Fault.STALE_REST: meaning(
            "answer GET depth, trades and tickers with what was true `milliseconds` ago (20 s at most)",
            symbol="",
            milliseconds=5000,
            seconds=10.0,
        ),
        Fault.SLOW_ANSWER: meaning(
            "answer REST requests of `channel` (e.g. depth; all without it) `milliseconds` late",
            channel="",
            milliseconds=2000,
            seconds=10.0,
            count=None,
        ),
        Fault.GARBAGE: meaning(
            "answer REST requests of `channel` (all without it) with an HTML page and status 200",
            channel="",
            count=None,
            seconds=10.0,
        ),
        Fault.MAINTENANCE: meaning(
            "cut every socket, refuse new ones and answer REST with 503 and a message", seconds=10.0
        ),
        Fault.TOO_MANY_REQUESTS: meaning(
            "answer the next REST request with 429 and Retry-After of `milliseconds`; who asks again before that is "
            "banned with 418 for `seconds`",
            milliseconds=3000,
            seconds=120.0,
        ),
        Fault.BAN: meaning("answer every request with 418", seconds=10.0),
        Fault.CLOCK_SKEW: meaning("move the venue's clock by `milliseconds`", milliseconds=1000, seconds=10.0),
        Fault.LISTING_CHANGE: meaning(
            "multiply the tick size of `symbol` in exchangeInfo and in the check of orders by `factor`, or what `kind` names "
            "instead: tick, step or notional (the smallest); published prices keep their grid",
            symbol="",
            kind="tick",
            factor=10.0,
            seconds=None,
        ),
        Fault.DELIST: meaning(
            "list `symbol` no more: absent from exchangeInfo, requests refused, streams silent",
            symbol="",
            seconds=None,
        ),
        **ORDER_MEANINGS,
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
    for fault, words in MEANINGS.items():
        settings = ", ".join(f"{name}={_shown(value)}" for name, value in words.settings.items())
        rows.append(f"  {fault.value}: {words.text}" + (f" [{settings}]" if settings else ""))
    return "\n".join(rows)


def _shown(value: object) -> str:
    if value in (None, ""):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)
