"""The protocol between the order path and a venue."""

from collections.abc import Iterable
from typing import Protocol
from uuid import UUID

from bots.orders.results import RestingOrder
from bots.trading.records import SubmittedOrder, VenueReport
from marketdata.events import BookSnapshot, QuoteTick, TradeTick

MarketEvent = QuoteTick | TradeTick | BookSnapshot


class Broker(Protocol):
    """Sends orders that passed the gate, and says what became of them. Every report is to be recorded, in order.

    A broker never sends an order twice and never invents a fill; where it does not know, it reports UNKNOWN.
    """

    async def submit(self, order: SubmittedOrder, now_ns: int) -> list[VenueReport]: ...

    async def cancel(self, order_id: UUID, now_ns: int) -> list[VenueReport]: ...

    def on_event(self, event: MarketEvent, now_ns: int) -> list[VenueReport]:
        """What market data meant for orders: only a paper broker answers."""
        ...

    def on_time(self, now_ns: int) -> list[VenueReport]:
        """What the passing of time meant for orders; called about once a second."""
        ...

    def resume(self, resting: Iterable[RestingOrder]) -> None:
        """Take back orders that rested at a restart."""
        ...

    def forget(self, bot_id: int) -> None:
        """Drop what is held for a bot whose lease was lost: its new owner answers for it."""
        ...
