"""Value a portfolio, live. Quantities are given; prices come from the exchange's tickers.

python examples/portfolio.py --exchange kucoin BTC/USDT=0.5 ETH/USDT=4 --duration 60
python examples/portfolio.py --simulator http://127.0.0.1:8900
"""
# ruff: noqa: T201

import argparse
import asyncio
import os
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from marketdata.streams import NotSimulated, StreamDataCollector, UnknownExchange, WebSocketManager

_SHOWN_EVERY_S = 1.0


def holding(text: str) -> tuple[str, float]:
    symbol, _, quantity = text.partition("=")
    if "/" not in symbol or not quantity:
        raise ValueError(text)
    return symbol.upper(), float(quantity)


def value(exchange: str, holdings: dict[str, float], collector: StreamDataCollector) -> str:
    """One line: the worth of each holding that has a price, and of all of them together."""
    prices: dict[str, Any] = {symbol: collector.get_latest_ticker(exchange, symbol) for symbol in holdings}
    worth = {symbol: holdings[symbol] * ticker["last"] for symbol, ticker in prices.items() if ticker}
    parts = [f"{symbol} {worth[symbol]:,.2f}" if symbol in worth else f"{symbol} …" for symbol in holdings]
    total = f"{sum(worth.values()):,.2f}" if len(worth) == len(holdings) else "…"
    return f"{'  '.join(parts)}  total {total}"


async def run(options: argparse.Namespace) -> int:
    holdings = dict(options.holdings)
    collector = StreamDataCollector(buffer_size=1)
    manager = WebSocketManager([options.exchange])
    manager.on_alert = lambda alert: print(f"{alert.symbol}: {alert.state} {alert.reason}", flush=True)
    try:
        await manager.stream_tickers({options.exchange: list(holdings)}, collector.ticker_callback)
        streams = asyncio.create_task(manager.run_streams(options.duration))
        while not streams.done():
            await asyncio.wait([streams], timeout=_SHOWN_EVERY_S)
            print(value(options.exchange, holdings, collector), flush=True)
        refused = [stream for stream in manager.get_stream_status()["streams"] if stream["state"] == "refused"]
    finally:
        await manager.close()
    return 4 if refused else 0


def main() -> int:
    parser = argparse.ArgumentParser(description="Value a portfolio, live.")
    parser.add_argument("holdings", nargs="*", type=holding, metavar="SYMBOL=QUANTITY", help="BTC/USDT=0.5 ETH/USDT=4")
    parser.add_argument("--exchange", default="binance", help="as ccxt names it (%(default)s)")
    parser.add_argument("--duration", type=float, default=30.0, metavar="SECONDS", help="%(default)g")
    parser.add_argument("--simulator", metavar="URL", help="the simulated exchange instead of Binance")
    options = parser.parse_args()
    options.holdings = options.holdings or [("BTC/USDT", 0.5), ("ETH/USDT", 4.0)]
    if options.simulator:
        os.environ["STREAMS_SIMULATOR_URL"] = options.simulator
    try:
        return asyncio.run(run(options))
    except (NotSimulated, UnknownExchange) as error:
        print(error, file=sys.stderr)
        return 4
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
