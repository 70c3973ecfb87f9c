"""What a venue's parser gives beside market events."""

from enum import StrEnum

from msgspec import Struct

from marketdata.events import BookDelta, Event, Level


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


def trade_gap(symbol: str, missing: int, ts_init: int) -> Gap:
    """Trades that a venue numbers without a hole show one. `missing` is negative when a number came again or too late."""
    what = f"{missing} missing" if missing > 0 else f"{-missing} back"
    return Gap(symbol=symbol, reason=f"hole in the numbers of trades: {what}", ts_init=ts_init)
