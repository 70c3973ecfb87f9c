"""What an account at a venue can be asked: the protocol between our books and a real exchange.

Nothing here changes our books. A `Venue` says what it saw; `bots.orders` decides what that proves.
"""

from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Any, Protocol

from msgspec import Struct

from bots.trading.records import SubmittedOrder, VenueFill
from bots.trading.vocabulary import OrderState, Side


class VenueOrder(Struct, frozen=True, kw_only=True):
    """An order as the venue shows it, ours or not. `client_order_id` is empty where somebody else gave none.

    `state` is OPEN, PARTIAL, FILLED, CANCELED, EXPIRED or REJECTED. `filled` in base, `average_price` in quote.
    """

    venue_order_id: str
    client_order_id: str
    symbol: str
    side: Side
    state: OrderState
    quantity: Decimal
    filled: Decimal
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    average_price: Decimal | None = None
    created_ms: int = 0
    updated_ms: int = 0
    raw: dict[str, Any] = {}


class VenueTrade(Struct, frozen=True, kw_only=True):
    """A fill of the account, ours or not, with the order it belongs to."""

    venue_order_id: str
    symbol: str
    side: Side
    fill: VenueFill
    client_order_id: str = ""


class VenueBalance(Struct, frozen=True, kw_only=True):
    """What the venue holds of one asset."""

    asset: str
    total: Decimal
    free: Decimal


class Outcome(StrEnum):
    """What an answer proves. UNCLEAR proves nothing: it may have happened."""

    FOUND = "found"
    REJECTED = "rejected"
    NOT_FOUND = "not_found"
    UNCLEAR = "unclear"
    NOT_SENT = "not_sent"


class Answer(Struct, frozen=True, kw_only=True):
    """A venue's answer about one order.

    FOUND: `order` says how it stands (and `trades`, where the answer had them). REJECTED: refused by a typed code, nothing
    happened. NOT_FOUND: the typed code for an order the venue does not know. UNCLEAR: timeout, 5xx, cut, unreadable, a code
    that says so. NOT_SENT: proven never to have left this process (no budget, no connection made, window over).
    """

    outcome: Outcome
    order: VenueOrder | None = None
    trades: tuple[VenueTrade, ...] = ()
    code: str = ""
    error: str = ""
    raw: dict[str, Any] = {}
    retry_after_s: float | None = None


class OrderRef(Struct, frozen=True, kw_only=True):
    """How to name one order of ours to the venue."""

    symbol: str
    client_order_id: str
    venue_order_id: str = ""
    side: Side | None = None


class KeyScope(Struct, frozen=True, kw_only=True):
    """What an API key may do; None where the venue does not tell."""

    can_trade: bool | None
    can_withdraw: bool | None
    is_ip_bound: bool | None = None


class VenueUnavailable(RuntimeError):
    """The venue could not be asked, or answered nothing that can be read. Says nothing about what is there."""


Hearer = Callable[[VenueOrder | VenueTrade | VenueBalance], Awaitable[None]]


class Venue(Protocol):
    """One account at one venue. Every method but `place` and `cancel` may be repeated without harm.

    Questions raise VenueUnavailable where there is no readable answer: an error is never an empty list.
    """

    async def place(self, order: SubmittedOrder) -> Answer:
        """Send once, signed with the order's own `sign_ts_ms` and window; nothing is retried."""
        ...

    async def cancel(self, ref: OrderRef) -> Answer:
        """A request, not a fact: FOUND with its end state, NOT_FOUND (ended or unknown), else UNCLEAR."""
        ...

    async def find(self, ref: OrderRef) -> Answer:
        """How one order stands, by its client order id where the venue can."""
        ...

    async def open_orders(self) -> Sequence[VenueOrder]:
        """All open orders of the account, ours and others."""
        ...

    async def recent_orders(self, symbol: str, *, since_ms: int) -> Sequence[VenueOrder]:
        """Orders of a symbol from the venue's history, ended ones too."""
        ...

    async def trades(self, symbol: str, *, since_ms: int) -> Sequence[VenueTrade]:
        """Every fill of the account in a symbol since a time, oldest first, all pages."""
        ...

    async def balances(self) -> Sequence[VenueBalance]:
        """Every asset with a balance."""
        ...

    async def venue_time_ns(self) -> int:
        """The venue's clock now: our monotonic clock plus the offset measured last, at most 30 s ago."""
        ...

    async def scope(self) -> KeyScope: ...

    async def listen(self, hearer: Hearer) -> None:
        """Follow the account's private stream for as long as the task runs; reconnects by itself."""
        ...

    @property
    def synced_since_ms(self) -> int | None:
        """Since when the private stream has been unbroken (venue time); None while it is down."""
        ...

    async def close(self) -> None: ...
