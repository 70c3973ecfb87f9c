"""What a venue's folder provides, and what its parser may return beside market events.

Parsing is pure: bytes in, records out. Whatever opens sockets is behind `Rest` and `marketdata.connection`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from marketdata.events import Bar, BookDelta, Event, Level, Ticker, Timeframe, TradeTick

if TYPE_CHECKING:
    import httpx

_EXCERPT_BYTES = 120


class BookImage(Struct, frozen=True, kw_only=True):
    """A venue's whole order book at `update_id`, best first: where applying deltas begins."""

    exchange: str
    symbol: str
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    update_id: int
    ts_init: int


class Acknowledgement(Struct, frozen=True, kw_only=True):
    """The venue's answer to a request of ours; `error` is empty when it agreed."""

    request_id: int | None
    error: str = ""


class Notice(Struct, frozen=True, kw_only=True):
    """Something the venue says about the connection itself, e.g. `serverShutdown`."""

    kind: str
    ts_event: int = 0


VenueEvent = Event | BookDelta | BookImage | Acknowledgement | Notice


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


class RateLimited(VenueError):
    """The venue asks to wait; until then nothing is sent."""

    def __init__(self, message: str, *, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class BookProcedure(StrEnum):
    """How a venue's order book is kept."""

    # Buffer deltas, fetch an image by REST, drop what is older, apply the rest (Binance).
    SNAPSHOT_AND_BUFFER = "snapshot-and-buffer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    rest_url: str
    websocket_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamLimits:
    """What one socket may carry."""

    messages_per_s: int
    streams_per_connection: int
    streams_per_message: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A venue's rules for one instrument. Sizes in base, notional in quote."""

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


class Parser(Protocol):
    """Turns a venue's frames into records. No sockets, no clock."""

    def parse(self, frame: bytes, *, ts_init: int) -> Sequence[VenueEvent]:
        """Decode one frame, of any kind. `ts_event` is 0 where the venue sends no time.

        Raises MalformedFrame.
        """

    def parse_image(self, frame: bytes, *, symbol: str, ts_init: int) -> BookImage:
        """Decode a whole book as REST sends it. Raises MalformedFrame."""


class Rest(Protocol):
    """A venue's public REST functions. All raise VenueError."""

    async def server_time_ns(self) -> int: ...

    async def listings(self) -> list[Listing]: ...

    async def bars(
        self, venue_symbol: str, *, symbol: str, timeframe: Timeframe, limit: int, start_ns: int | None = None
    ) -> list[Bar]:
        """Oldest first; the last one may still be forming (`closed` is false)."""

    async def book(self, venue_symbol: str, *, symbol: str, limit: int) -> BookImage: ...

    async def trades(self, venue_symbol: str, *, symbol: str, limit: int) -> list[TradeTick]:
        """The most recent prints, oldest first."""

    async def ticker(self, venue_symbol: str, *, symbol: str) -> Ticker: ...


class Adapter(Protocol):
    """One venue's dialect."""

    @property
    def name(self) -> str: ...

    @property
    def limits(self) -> StreamLimits: ...

    @property
    def book_procedure(self) -> BookProcedure: ...

    def endpoints(self, environment: str) -> Endpoints:
        """The venue's own addresses. Raises ValueError for an environment that it does not have."""

    def stream_url(self, websocket_url: str) -> str: ...

    def streams(self, venue_symbol: str) -> tuple[str, ...]:
        """The streams that together tell all about a symbol."""

    def subscribe(self, streams: Sequence[str], *, request_id: int) -> bytes: ...

    def unsubscribe(self, streams: Sequence[str], *, request_id: int) -> bytes: ...

    def parser(self, *, exchange: str, symbols: Mapping[str, str]) -> Parser:
        """`symbols` maps the venue's spelling to ours and may grow while the parser lives."""

    def rest(self, *, exchange: str, base_url: str, client: "httpx.AsyncClient", clock_ns: Callable[[], int]) -> Rest:
        """`clock_ns` is our clock, for `ts_init`."""
