"""What the books were a few seconds ago, for answers that come too late."""

import asyncio
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from marketdata.simulator.market import Best, Level, Market

EVERY_S = 1.0
KEPT_S = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A market at a moment. Prices and sizes in units of 1e-8, best first."""

    taken_s: float
    update_id: int
    bids: list[Level]
    asks: list[Level]
    last_price: int
    best: Best | None


def image_of(market: Market, *, limit: int, now_s: float) -> Image:
    return Image(
        taken_s=now_s,
        update_id=market.update_id,
        bids=market.bids(limit),
        asks=market.asks(limit),
        last_price=market.last_price,
        best=market.best(),
    )


class Past:
    """Remembers each market every second while `run` runs."""

    def __init__(self, markets: Mapping[str, Market]) -> None:
        self._markets = markets
        self._images: dict[str, deque[Image]] = {symbol: deque(maxlen=int(KEPT_S / EVERY_S)) for symbol in markets}

    async def run(self) -> None:
        while True:
            for symbol, market in self._markets.items():
                images = self._images[symbol]
                # What stands still need not be remembered again.
                if not images or images[-1].update_id != market.update_id:
                    self.remember(symbol, image_of(market, limit=1000, now_s=time.monotonic()))
            await asyncio.sleep(EVERY_S)

    def remember(self, symbol: str, image: Image) -> None:
        self._images[symbol].append(image)

    def image(self, symbol: str, *, milliseconds: int, now_s: float) -> Image | None:
        """The newest that is at least so old, or else the oldest; None before the first."""
        images = self._images[symbol]
        old = [image for image in images if image.taken_s <= now_s - milliseconds / 1000]
        return old[-1] if old else images[0] if images else None
