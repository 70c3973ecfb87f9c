"""What a venue's folder provides.

Parsing is pure: bytes in, records out. Whatever opens sockets is behind `Rest` and `marketdata.connection`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from marketdata.events import Bar, Ticker, Timeframe, TradeTick
from marketdata.exchanges.errors import (
    MalformedFrame,
    NotAllowed,
    RateLimited,
    UnknownSymbol,
    UnknownVenueSymbol,
    UnsupportedTimeframe,
    VenueError,
    VenueRejected,
    VenueUnavailable,
)
from marketdata.exchanges.records import (
    Acknowledgement,
    BookImage,
    Gap,
    Notice,
    NoticeKind,
    Reply,
    VenueEvent,
)

if TYPE_CHECKING:
    import httpx

__all__ = [
    "Acknowledgement",
    "Adapter",
    "AdapterDefaults",
    "BookImage",
    "BookProcedure",
    "Credentials",
    "Endpoints",
    "Gap",
    "Heartbeat",
    "Listing",
    "MalformedFrame",
    "NotAllowed",
    "Notice",
    "NoticeKind",
    "Parser",
    "RateLimited",
    "Reply",
    "Rest",
    "Stream",
    "StreamLimits",
    "UnknownSymbol",
    "UnknownVenueSymbol",
    "UnsupportedTimeframe",
    "VenueError",
    "VenueEvent",
    "VenueRejected",
    "VenueUnavailable",
]


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
        """The venue's clock: where it is told in steps (`server_time_step_ms` of the adapter), the middle of the step.

        0 where the venue tells none.
        """

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
    """One venue's dialect. What most have alike, `AdapterDefaults` has."""

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
    def quotes_prove_book(self) -> bool:
        """Whether quotes and the book's changes count by one sequence: the last quote of before a change is its best."""

    @property
    def book_group(self) -> str:
        """The streams that a book's image comes with, where the others need not begin anew with it."""

    @property
    def max_skew_ms(self) -> float:
        """How late its records may be; its bars wait half as long for their last prints."""

    @property
    def server_time_step_ms(self) -> float:
        """In what steps REST tells the venue's clock."""

    @property
    def rest_check_every_s(self) -> float:
        """How often prices and clock are compared with REST, where requests are few; 0: as often as is usual."""

    @property
    def simulated_path(self) -> str:
        """Where the simulated exchange speaks this dialect, where that is not at its root."""

    @property
    def source_factory(self) -> Callable[..., Any] | None:
        """Makes a source of its own (`marketdata.feed.source`) instead of sockets."""

    def closed_reason(self, now_ns: int) -> str:
        """Why the market is closed, or "": silence is no fault then."""

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


class AdapterDefaults:
    """What holds for most venues, for an adapter to name only what differs."""

    quotes_from_book: bool = False
    quotes_prove_book: bool = False
    book_group: str = ""
    max_skew_ms: float = 500.0
    server_time_step_ms: float = 1.0
    rest_check_every_s: float = 0.0
    simulated_path: str = ""
    binary_requests: bool = False
    heartbeat: Heartbeat | None = None

    @property
    def source_factory(self) -> Callable[..., Any] | None:
        return None

    def closed_reason(self, now_ns: int) -> str:
        return ""
