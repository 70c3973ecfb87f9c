"""More frames in a second than a market has: for readers that fall behind."""

import asyncio
import time

from marketdata.simulator import public_messages
from marketdata.simulator.faults import Active
from marketdata.simulator.hub import Hub
from marketdata.simulator.synthetic import SyntheticMarket

# A reader this far behind holds the burst up, so that none is cut off.
LONGEST_QUEUE = 5_000
_AT_ONCE = 500


async def publish_burst(market: SyntheticMarket, hub: Hub, active: Active) -> None:
    """Publish rate times seconds frames in that time, or as soon as the readers have taken them."""
    total = int(active.rate * active.seconds)
    symbol, stream = market.spec.id, f"{market.spec.id.lower()}@{active.channel}"
    trades = active.channel == "trade"
    sent, started_s = 0, time.monotonic()
    while sent < total:
        # Readers drain on their own sockets' terms; there is no one event to wait for.
        while any(len(reader.queue) > LONGEST_QUEUE for reader in hub.subscribers):  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        due = min(total, int((time.monotonic() - started_s) * active.rate) + 1)
        for _ in range(min(_AT_ONCE, due - sent)):
            if trades:
                hub.publish(stream, public_messages.trade(symbol, market.print_again()))
            else:
                market.resize_best_bid()
                hub.publish(stream, public_messages.book_ticker(symbol, market.update_id, market.best()))
            sent += 1
        active.struck[active.symbol] = sent
        await asyncio.sleep(0 if sent < due else 0.001)
