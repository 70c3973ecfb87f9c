"""What ccxt.pro's own handlers cost for the recorded Binance frames, beside our parser on the same frames.

In process, without a network: text in, ccxt's structures up to date, as after its socket. Handlers only: nobody waits
for the results, which would cost ccxt a future each.
"""

import msgspec

from marketdata.exchanges.binance.messages import BinanceParser
from marketdata.replay import read_capture
from tests.benchmarks.rows import Row, best_seconds
from tests.unit.marketdata.cast import BTC_CAPTURE

FRAMES = 10_000
URL = "wss://stream.binance.com:9443/ws/0"


def run() -> dict[str, Row]:
    import asyncio

    return asyncio.run(measure())


async def measure() -> dict[str, Row]:
    import ccxt.pro

    from marketdata.ccxtpro.exchange import make_exchange

    exchange = make_exchange("binance")
    exchange.open()
    market = exchange.safe_market_structure(
        {"id": "BTCUSDT", "lowercaseId": "btcusdt", "symbol": "BTC/USDT", "base": "BTC", "quote": "USDT",
         "baseId": "BTC", "quoteId": "USDT", "type": "spot", "spot": True, "contract": False, "active": True}
    )  # fmt: skip
    exchange.set_markets([market])
    payloads = [frame.payload for frame in read_capture(BTC_CAPTURE)]
    image = msgspec.json.decode(next(payload for payload in payloads if payload.startswith(b'{"lastUpdateId"')))
    frames = [payload for payload in payloads if b"@" in payload[:40]][:FRAMES]
    texts = [frame.decode() for frame in frames]
    client = exchange.client(URL)
    parse = BinanceParser(exchange="binance", symbols={"BTCUSDT": "BTC/USDT"}).parse
    applied = 0

    def theirs() -> None:
        nonlocal applied
        snapshot = exchange.parse_order_book(image, "BTC/USDT")
        snapshot["nonce"] = image["lastUpdateId"]
        exchange.orderbooks["BTC/USDT"] = exchange.order_book(snapshot)
        for text in texts:
            client.handle_text_or_binary_message(text)
        applied = exchange.orderbooks["BTC/USDT"]["nonce"] - image["lastUpdateId"]

    def ours() -> None:
        for frame in frames:
            parse(frame, ts_init=1)

    to_us = 1e6 / len(frames)
    row = Row(value=best_seconds(theirs, repeat=3) * to_us, unit="us", floor=best_seconds(ours) * to_us, budget=1_000)
    # A book that stood still would have cost nothing: a ChecksumError deletes it, and nobody would hear of it here.
    assert applied > 0, f"ccxt {ccxt.__version__} did not apply the recorded updates"
    assert len(exchange.trades["BTC/USDT"]) > 0
    await exchange.close()
    return {"feed.ccxt_handler": row}
