"""Run by cryptofeed's own virtual environment: what its handler costs for depth and bookTicker frames, as JSON."""
# mypy: ignore-errors

import asyncio
import gzip
import json
import logging
import sys
import time
from decimal import Decimal

from cryptofeed.defines import BINANCE, L2_BOOK, TICKER
from cryptofeed.exchanges import Binance
from cryptofeed.symbols import Symbols
from cryptofeed.types import OrderBook

ROUNDS = 3


async def hear(*_):
    """A callback that does nothing: what is measured is the way to it."""


async def main(path, limit):
    logging.disable(logging.WARNING)
    frames, image = [], {}
    with gzip.open(path, "rb") as lines:
        for line in lines:
            stamp, _, payload = line.rstrip().partition(b" ")
            if payload.startswith(b'{"lastUpdateId"'):
                image = json.loads(payload)
            elif b"@trade" not in payload[:40]:
                frames.append((payload.decode(), int(stamp) / 1e9))
    frames = frames[:limit]
    Symbols.set(BINANCE, {"BTC-USDT": "BTCUSDT"}, {"instrument_type": {"BTC-USDT": "spot"}})
    times = []
    for _ in range(ROUNDS):
        feed = Binance(symbols=["BTC-USDT"], channels=[TICKER, L2_BOOK], callbacks={TICKER: hear, L2_BOOK: hear})
        sides = {name: {Decimal(price): Decimal(size) for price, size in image[name]} for name in ("bids", "asks")}

        async def snapshot(pair, feed=feed, sides=sides):
            feed.last_update_id["BTC-USDT"] = image["lastUpdateId"]
            feed._l2_book["BTC-USDT"] = OrderBook(feed.id, "BTC-USDT", max_depth=feed.max_depth, **sides)

        feed._snapshot = snapshot
        begin = time.perf_counter()
        for frame, stamp in frames:
            await feed.message_handler(frame, None, stamp)
        times.append(time.perf_counter() - begin)
    print(json.dumps({"us_per_frame": min(times) / len(frames) * 1e6, "frames": len(frames)}))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
