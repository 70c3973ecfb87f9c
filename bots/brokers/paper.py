"""The paper broker: one account's orders matched against the live book."""

from collections.abc import Iterable
from uuid import UUID

from bots.brokers.broker import MarketEvent
from bots.orders.load import AccountConfig
from bots.orders.results import RestingOrder
from bots.trading.matching import PaperFees, PaperMatcher
from bots.trading.records import SubmittedOrder, VenueReport


class PaperBroker:
    """Honours `Broker`. Several accounts of one exchange may share a matcher, and with it the liquidity of its books."""

    def __init__(self, account: AccountConfig, matcher: PaperMatcher | None = None) -> None:
        self.matcher = matcher if matcher is not None else PaperMatcher()
        self._fees = PaperFees(maker_bps=account.maker_fee_bps, taker_bps=account.taker_fee_bps)
        self._latency_ns = account.latency_ms * 1_000_000

    async def submit(self, order: SubmittedOrder, now_ns: int) -> list[VenueReport]:
        return self.matcher.submit(order, now_ns, fees=self._fees, latency_ns=self._latency_ns)

    async def cancel(self, order_id: UUID, now_ns: int) -> list[VenueReport]:
        return self.matcher.cancel(order_id, now_ns)

    def on_event(self, event: MarketEvent, now_ns: int) -> list[VenueReport]:
        return self.matcher.on_event(event, now_ns)

    def on_time(self, now_ns: int) -> list[VenueReport]:
        return self.matcher.on_time(now_ns)

    def resume(self, resting: Iterable[RestingOrder]) -> None:
        for found in resting:
            self.matcher.rest(found.order, fees=self._fees, filled=found.filled, fills=found.fills)

    def forget(self, bot_id: int) -> None:
        self.matcher.forget(bot_id)
