"""Print the price of a symbol as it changes.

python examples/price_stream.py --exchange binance --symbol BTC/USDT --duration 30
python examples/price_stream.py --simulator http://127.0.0.1:8900    # beside `manage.py runexchange`
"""
# ruff: noqa: T201

import argparse
import asyncio
import os
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from marketdata.streams import NotSimulated, StreamRefused, UnknownExchange, WebSocketClient


def show(symbol: str, ticker: dict[str, Any]) -> None:
    change = ticker.get("percentage")
    print(f"{symbol} {ticker['last']}" + (f" ({change:+.2f} % in 24 h)" if change is not None else ""), flush=True)


async def run(options: argparse.Namespace) -> None:
    client = WebSocketClient(options.exchange)
    try:
        async with asyncio.timeout(options.duration):
            await client.watch_ticker_loop(options.symbol, show)
    except TimeoutError:
        print(f"{client.streams['ticker', options.symbol].updates} updates in {options.duration:g} s")
    finally:
        await client.close()


def main() -> int:
    parser = argparse.ArgumentParser(description="Print the price of a symbol as it changes.")
    parser.add_argument("--exchange", default="binance", help="as ccxt names it (%(default)s)")
    parser.add_argument("--symbol", default="BTC/USDT", help="%(default)s")
    parser.add_argument("--duration", type=float, default=30.0, metavar="SECONDS", help="%(default)g")
    parser.add_argument("--simulator", metavar="URL", help="the simulated exchange instead of Binance")
    options = parser.parse_args()
    if options.simulator:
        os.environ["STREAMS_SIMULATOR_URL"] = options.simulator
    try:
        asyncio.run(run(options))
    except (NotSimulated, UnknownExchange, StreamRefused) as error:
        print(error, file=sys.stderr)
        return 4
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
