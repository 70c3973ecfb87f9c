"""The order book that paper orders trade against: what the venue displays, less what paper orders took."""

from decimal import Decimal

from bots.trading.money import ZERO, floor_to, from_float
from bots.trading.vocabulary import Side
from marketdata.events import BookSnapshot, QuoteTick

PriceSize = tuple[float, float]


class PaperBook:
    """Levels of one symbol, best first, as floats until something is taken."""

    def __init__(self) -> None:
        self._bids: tuple[PriceSize, ...] = ()
        self._asks: tuple[PriceSize, ...] = ()
        self._ts_event = 0
        # Taken by paper orders since the level was last displayed, by price.
        self._taken: dict[tuple[Side, float], Decimal] = {}

    @property
    def is_two_sided(self) -> bool:
        return bool(self._bids and self._asks)

    def replace(self, event: BookSnapshot) -> None:
        """Take the venue's newest levels, unless a newer quote came first."""
        if event.ts_event < self._ts_event:
            return
        self._bids, self._asks, self._ts_event = event.bids, event.asks, event.ts_event
        self._taken.clear()

    def quote(self, event: QuoteTick) -> None:
        """Move the best prices; levels that a better quote has passed are gone, deeper ones stay."""
        if event.ts_event < self._ts_event:
            return
        self._ts_event = event.ts_event
        best_bid, best_ask = (event.bid, event.bid_size), (event.ask, event.ask_size)
        if not (self._bids and self._bids[0] == best_bid):
            self._taken.pop((Side.BUY, event.bid), None)
            self._bids = (best_bid, *(level for level in self._bids if level[0] < event.bid))
        if not (self._asks and self._asks[0] == best_ask):
            self._taken.pop((Side.SELL, event.ask), None)
            self._asks = (best_ask, *(level for level in self._asks if level[0] > event.ask))

    def take(self, side: Side, limit: Decimal, quantity: Decimal, lot_size: Decimal) -> list[tuple[Decimal, Decimal]]:
        """Take up to `quantity` at `limit` or better, whole lots of each level, best first: (price, size)."""
        opposite = side.opposite
        taken = []
        for raw_price, raw_size in self._asks if side is Side.BUY else self._bids:
            price = from_float(raw_price)
            if quantity <= 0 or side.sign * (price - limit) > 0:
                break
            gone = self._taken.get((opposite, raw_price), ZERO)
            size = min(quantity, floor_to(max(ZERO, from_float(raw_size) - gone), lot_size))
            if size > 0:
                self._taken[(opposite, raw_price)] = gone + size
                quantity -= size
                taken.append((price, size))
        return taken

    def displayed(self, side: Side, price: Decimal) -> Decimal:
        """The size on offer on a side at exactly this price."""
        for raw_price, raw_size in self._bids if side is Side.BUY else self._asks:
            if from_float(raw_price) == price:
                return from_float(raw_size)
        return ZERO
