"""What a venue's folder provides, and what its parser may return beside market events.

Parsing is pure: bytes in, records out. Whatever opens sockets is behind `Rest` and `marketdata.connection`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from marketdata.events import Bar, BookDelta, Event, Level, Ticker, Timeframe, TradeTick

if TYPE_CHECKING:
    import httpx

_EXCERPT_BYTES = 120


class BookImage(Struct, frozen=True, kw_only=True):
    """A venue's order book at `update_id`, best first, whole or cut to the levels that it sends.

    `from_stream`: it came over the socket, in order with the deltas, and replaces what was known. Otherwise it was
    fetched by REST and is of use only where a book waits for it.
    """

    exchange: str
    symbol: str
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    update_id: int
    ts_init: int
    ts_event: int = 0
    from_stream: bool = False


class Gap(Struct, frozen=True, kw_only=True):
    """The parser found that something is missing or damaged: a hole in a sequence, a checksum that does not match.

    `symbol` is empty when it concerns everything on the socket.
    """

    symbol: str
    reason: str
    ts_init: int


class Reply(Struct, frozen=True, kw_only=True):
    """What the venue wants to hear at once, e.g. the answer to its ping. Sent as text unless `binary`."""

    payload: bytes
    binary: bool = False


class Acknowledgement(Struct, frozen=True, kw_only=True):
    """The venue's answer to a request of ours; `error` is empty when it agreed.

    `symbol` (unified) is set where the venue says which one it refuses: the others of the request go on, unless it
    refused the `whole` of it.
    """

    request_id: int | None
    error: str = ""
    symbol: str = ""
    whole: bool = False


class NoticeKind(StrEnum):
    # The venue is about to close the socket: another one should be open before.
    ENDING = "ending"
    MAINTENANCE = "maintenance"
    ONLINE = "online"
    # The rules of an instrument changed: ask for the listings again.
    LISTINGS_CHANGED = "listings changed"
    # The token or key is no longer valid.
    NOT_ALLOWED = "not allowed"
    # Market open, closed, halted: for people.
    MARKET_STATUS = "market status"


class Notice(Struct, frozen=True, kw_only=True):
    """Something the venue says that is no market data; `message` is for people."""

    kind: NoticeKind
    ts_event: int = 0
    message: str = ""


VenueEvent = Event | BookDelta | BookImage | Gap | Acknowledgement | Notice | Reply


class MalformedFrame(ValueError):
    """A frame that is not what the venue documents."""

    def __init__(self, what: str, frame: bytes) -> None:
        excerpt = frame[:_EXCERPT_BYTES].decode("utf-8", "replace")
        super().__init__(f"{what} in a frame of {len(frame)} bytes: {excerpt!r}")


class UnknownVenueSymbol(MalformedFrame):
    """A frame about a symbol that was not asked for."""


class VenueError(Exception):
    """A REST request failed."""


class VenueUnavailable(VenueError):
    """No usable answer: network error, timeout or a server error. Worth another try later."""


class VenueRejected(VenueError):
    """The venue refused the request. Sending it again unchanged is pointless."""


class UnknownSymbol(VenueRejected):
    """The venue does not list the symbol."""


class UnsupportedTimeframe(VenueRejected):
    """The venue has no bars of this length: build them from shorter ones."""


class NotAllowed(VenueError):
    """Key, token or permission missing, expired or revoked. The message says what to do."""


class RateLimited(VenueError):
    """The venue asks to wait; until then nothing is sent."""

    def __init__(self, message: str, *, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class BookProcedure(StrEnum):
    """How a venue's order book is kept."""

    # Buffer deltas, fetch an image by REST, drop what is older, apply the rest (Binance).
    SNAPSHOT_AND_BUFFER = "snapshot-and-buffer"
    # An image comes over the socket after subscribing, deltas follow it: subscribe again to recover (Kraken, Coinbase).
    IMAGE_ON_SUBSCRIBE = "image-on-subscribe"
    # Every message is the whole of the levels that the venue sends (BingX, Upstox).
    IMAGES_ONLY = "images-only"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    rest_url: str
    websocket_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What a venue wants for data that is not public. Never logged: the representation shows nothing."""

    api_key: str = field(default="", repr=False)
    api_secret: str = field(default="", repr=False)
    passphrase: str = field(default="", repr=False)
    access_token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamLimits:
    """What a venue allows. `lifetime_s`: it closes each socket after this long (0: never).

    `answers_requests`: each is answered, so that the next can wait until it was read. `counts_by_address`: all sockets
    share `messages_per_s`.
    """

    messages_per_s: float
    streams_per_connection: int
    streams_per_message: int
    connections_per_5min: int = 300
    lifetime_s: float = 0
    answers_requests: bool = True
    counts_by_address: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """One subscription. Streams of different routes go over different sockets; one message carries one group only.

    `name` is what the venue calls it (or its symbol there), `group` the channel where a message names just one.
    """

    name: str
    group: str = ""
    route: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """What the venue wants to hear from us every `interval_s` so that it keeps the socket.

    It takes the place of WebSocket's own pings, which such venues need not answer.
    """

    interval_s: float
    payload: bytes
    binary: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A venue's rules for one instrument. Sizes in base, notional in quote.

    `contract_size`: base units in one of the venue's units of size (1 where it counts in base). `price_decimals` and
    `size_decimals` are given where the venue's checksum needs them.
    """

    symbol: str
    venue_symbol: str
    base: str
    quote: str
    tick_size: Decimal
    lot_size: Decimal
    min_quantity: Decimal
    max_quantity: Decimal
    min_notional: Decimal
    active: bool
    kind: str = "spot"
    contract_size: Decimal = Decimal(1)
    price_decimals: int | None = None
    size_decimals: int | None = None
    # A perpetual's: hours from one payment of funding to the next.
    funding_interval_h: float = 8.0


class Parser(Protocol):
    """Turns the frames of one socket into records. No sockets, no clock.

    Made anew for each connection, so it may remember what came before on it, e.g. a sequence number.
    """

    def parse(self, frame: bytes, *, ts_init: int) -> Sequence[VenueEvent]:
        """Decode one frame, of any kind, as it came over the socket. `ts_event` is 0 where the venue sends no time.

        Raises MalformedFrame.
        """

    def parse_image(self, frame: bytes, *, symbol: str, ts_init: int) -> BookImage:
        """Decode a whole book as REST sends it. Raises MalformedFrame."""


class Rest(Protocol):
    """A venue's public REST functions. All raise VenueError."""

    async def server_time_ns(self) -> int:
        """The venue's clock: where it is told in steps (`server_time_step_ms` of the adapter), the middle of the step."""

    async def listings(self) -> list[Listing]: ...

    async def bars(
        self, venue_symbol: str, *, symbol: str, timeframe: Timeframe, limit: int, start_ns: int | None = None
    ) -> list[Bar]:
        """At most `limit` bars, oldest first: the latest, or those from `start_ns` on. Asks in pages where needed.

        The last one may still be forming (`closed` is false). Raises UnsupportedTimeframe.
        """

    async def book(self, venue_symbol: str, *, symbol: str, limit: int) -> BookImage: ...

    async def trades(self, venue_symbol: str, *, symbol: str, limit: int) -> list[TradeTick]:
        """The most recent prints, oldest first."""

    async def ticker(self, venue_symbol: str, *, symbol: str) -> Ticker: ...

    async def socket_url(self, websocket_url: str, *, route: str) -> str:
        """The address of a new socket, with its token where the venue wants one. Raises NotAllowed too."""


class Adapter(Protocol):
    """One venue's dialect.

    An adapter may have more: `closed_reason(now_ns)` tells why its market is closed, or "" (silence is no fault then);
    `max_skew_ms` how late its records may be where 500 is too little, and its bars wait so long for their last prints;
    `simulated_path` where the simulated exchange speaks its dialect; `rest_check_every_s` how often prices are compared
    with its REST; `server_time_step_ms` in what steps its clock is told where those are not milliseconds; `tells_time`
    whether it is the venue's at all; `book_group` names the streams that a book's image comes with, where the others need
    not begin anew with it; `source_factory` makes a source of its own instead of sockets.
    """

    @property
    def name(self) -> str: ...

    @property
    def limits(self) -> StreamLimits: ...

    @property
    def book_procedure(self) -> BookProcedure: ...

    @property
    def quotes_from_book(self) -> bool:
        """Whether best bid and ask are taken from the order book, for want of a channel of their own."""

    @property
    def binary_requests(self) -> bool:
        """Whether requests are sent as binary frames."""

    @property
    def heartbeat(self) -> Heartbeat | None: ...

    @property
    def environments(self) -> tuple[str, ...]:
        """Those with addresses of the venue's own: "live", "testnet"."""

    def endpoints(self, environment: str) -> Endpoints:
        """The venue's own addresses. Raises ValueError for an environment that it does not have."""

    def streams(self, venue_symbol: str) -> tuple[Stream, ...]:
        """The streams that together tell all about a symbol."""

    def subscribe(self, streams: Sequence[Stream], *, request_id: int) -> bytes:
        """A request for streams of one route and one group."""

    def unsubscribe(self, streams: Sequence[Stream], *, request_id: int) -> bytes: ...

    def parser(self, *, exchange: str, symbols: Mapping[str, str], listings: Mapping[str, Listing]) -> Parser:
        """`symbols` maps the venue's spelling to ours, `listings` our spelling to its rules. Both may grow."""

    def rest(
        self,
        *,
        exchange: str,
        base_url: str,
        client: "httpx.AsyncClient",
        clock_ns: Callable[[], int],
        credentials: Credentials | None = None,
    ) -> Rest:
        """`clock_ns` is our clock, for `ts_init`."""
