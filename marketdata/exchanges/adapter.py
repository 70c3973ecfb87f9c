"""What a venue's folder provides.

Parsing is pure: bytes in, records out. Whatever opens sockets is behind `Rest` and `marketdata.connection`.
"""

from collections.abc import Callable, Mapping, Sequence
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
from marketdata.exchanges.terms import (
    BookProcedure,
    Credentials,
    Endpoints,
    Heartbeat,
    Listing,
    Stream,
    StreamLimits,
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
