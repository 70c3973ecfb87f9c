"""Watch the spread of a symbol on one exchange, or between several.

python examples/spread_monitor.py --exchange kucoin --exchange okx --symbol BTC/USDT --duration 60
python examples/spread_monitor.py --simulator http://127.0.0.1:8900 --alert-bps 1
"""
# ruff: noqa: T201

import argparse
import asyncio
import os
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from marketdata.streams import NotSimulated, UnknownExchange, WebSocketManager

_SHOWN_EVERY_S = 1.0


class Spreads:
    """The best bid and ask of each exchange."""

    def __init__(self) -> None:
        self.tops: dict[str, tuple[float, float]] = {}

    def take(self, exchange: str, symbol: str, book: dict[str, Any]) -> None:
        if book["bids"] and book["asks"]:
            self.tops[exchange] = (book["bids"][0][0], book["asks"][0][0])

    def spread_bps(self, exchange: str) -> float:
        """What a round trip costs on one exchange, of the middle."""
        bid, ask = self.tops[exchange]
        return (ask - bid) / ((ask + bid) / 2) * 10_000

    def crossing(self) -> tuple[float, str, str] | None:
        """What buying on one exchange and selling on another would bring, in bps before fees, and on which."""
        pairs = [
            ((bid - ask) / ask * 10_000, buy, sell)
            for buy, (_, ask) in self.tops.items()
            for sell, (bid, _) in self.tops.items()
            if buy != sell
        ]
        return max(pairs, default=None)


def show(spreads: Spreads, alert_bps: float) -> None:
    for exchange in sorted(spreads.tops):
        bid, ask = spreads.tops[exchange]
        print(f"{exchange}: bid {bid} ask {ask} spread {spreads.spread_bps(exchange):.2f} bps", flush=True)
    best = spreads.crossing()
    if best is not None and best[0] >= alert_bps:
        print(f"ALERT buy on {best[1]}, sell on {best[2]}: {best[0]:.2f} bps before fees", flush=True)


async def run(options: argparse.Namespace) -> int:
    spreads = Spreads()
    manager = WebSocketManager(options.exchange)
    try:
        await manager.stream_order_books({name: [options.symbol] for name in options.exchange}, spreads.take)
        streams = asyncio.create_task(manager.run_streams(options.duration))
        while not streams.done():
            await asyncio.wait([streams], timeout=_SHOWN_EVERY_S)
            show(spreads, options.alert_bps)
        refused = [stream for stream in manager.get_stream_status()["streams"] if stream["state"] == "refused"]
    finally:
        await manager.close()
    return 4 if refused else 0


def main() -> int:
    parser = argparse.ArgumentParser(description="Watch the spread of a symbol on one exchange, or between several.")
    parser.add_argument("--exchange", action="append", help="as ccxt names it, may be repeated (binance)")
    parser.add_argument("--symbol", default="BTC/USDT", help="%(default)s")
    parser.add_argument("--duration", type=float, default=30.0, metavar="SECONDS", help="%(default)g")
    parser.add_argument("--alert-bps", type=float, default=10.0, help="tell crossings from here on (%(default)g)")
    parser.add_argument("--simulator", metavar="URL", help="the simulated exchange instead of Binance")
    options = parser.parse_args()
    options.exchange = options.exchange or ["binance"]
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
