"""Print what kind of market a symbol is in, as each bar closes: from an exchange's stream, or from a running Tradingsite.

python examples/live_regime.py --exchange binance --symbol BTC/USDT --timeframes 1m,5m,15m
python examples/live_regime.py --simulator http://127.0.0.1:8900    # beside `manage.py runexchange`
python examples/live_regime.py --site http://localhost:8000 --token TOKEN    # of POST /api/v1/auth/token
"""
# ruff: noqa: T201

import argparse
import asyncio
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import httpx

from marketdata.events import TIMEFRAME_SECONDS, Bar, Timeframe
from marketdata.streams import NotSimulated, StreamRefused, UnknownExchange, WebSocketClient
from quant.regime import MAX_TIMEFRAMES, RegimeState, combine
from quant.regime_detector import RegimeDetector

_HISTORY_BARS = 600
_ASKED_EVERY_S = 5.0
_ARROWS = {1.0: " up", -1.0: " down", 0.0: ""}


class Regimes:
    """One detector a timeframe, and what they say together."""

    def __init__(self, symbol: str, timeframes: tuple[Timeframe, ...]) -> None:
        self.symbol = symbol
        self.detectors = {timeframe: RegimeDetector(timeframe) for timeframe in timeframes}

    def take(self, timeframe: Timeframe, candles: list[list[float]]) -> bool:
        """Take candles, of which the last is still forming; whether a bar has closed since the last time."""
        detector = self.detectors[timeframe]
        before = detector.state
        for candle in candles[:-1]:
            detector.update(self._bar(timeframe, candle))
        return detector.state is not before

    def _bar(self, timeframe: Timeframe, candle: list[float]) -> Bar:
        ts_open = int(candle[0]) * 1_000_000
        _, opened, high, low, close, volume = candle[:6]
        return Bar(
            exchange="", symbol=self.symbol, timeframe=timeframe, ts_open=ts_open,
            ts_close=ts_open + TIMEFRAME_SECONDS[timeframe] * 1_000_000_000, open=opened, high=high, low=low,
            close=close, volume=volume, taker_buy_volume=None, trades=0, source="rest",
        )  # fmt: skip

    def show(self, timeframe: Timeframe) -> None:
        parts = [f"{self.symbol} {timeframe} {described(self.detectors[timeframe].state)}"]
        if len(self.detectors) > 1:
            together = combine({frame: detector.state for frame, detector in self.detectors.items()})
            parts.append(f"together {described(together)}")
        print("; ".join(parts), flush=True)


def described(state: RegimeState) -> str:
    if state.quality <= 0.0:
        return f"not known yet ({state.n_obs} bars, needs 100)"
    since = f" since {datetime.fromtimestamp(state.since_ns / 1e9, tz=UTC):%H:%M} UTC" if state.since_ns else ""
    phase = f"{state.phase.value}{_ARROWS[state.direction]}"
    return f"{phase}{since}, volatility {state.volatility.value}, quality {state.quality:.2f}"


async def follow(client: WebSocketClient, regimes: Regimes, timeframe: Timeframe) -> None:
    regimes.take(timeframe, await client.fetch_ohlcv(regimes.symbol, timeframe, _HISTORY_BARS))
    regimes.show(timeframe)
    while True:
        if regimes.take(timeframe, await client.watch_ohlcv(regimes.symbol, timeframe)):
            regimes.show(timeframe)


async def stream(options: argparse.Namespace) -> None:
    client = WebSocketClient(options.exchange)
    regimes = Regimes(options.symbol, options.timeframes)
    try:
        async with asyncio.timeout(options.duration):
            await asyncio.gather(*(follow(client, regimes, timeframe) for timeframe in options.timeframes))
    except TimeoutError:
        print(f"ended after {options.duration:g} s")
    finally:
        await client.close()


def ask(options: argparse.Namespace) -> None:
    """What the engine of a running site says, of every exchange that streams the symbol."""
    until = time.monotonic() + options.duration
    headers = {"Authorization": f"Token {options.token}"}
    told: dict[str, Any] = {}
    with httpx.Client(base_url=options.site, headers=headers, timeout=10.0) as site:
        while True:
            answer = site.get("/api/v1/market", params={"symbols": options.symbol})
            answer.raise_for_status()
            for row in answer.json():
                regime = row["regime"]
                if told.get(row["exchange"], "") != regime:
                    told[row["exchange"]] = regime
                    print(f"{row['symbol']} on {row['exchange']} {answered(regime)}", flush=True)
            if time.monotonic() + _ASKED_EVERY_S > until:
                return
            time.sleep(_ASKED_EVERY_S)


def answered(regime: dict[str, Any] | None) -> str:
    if regime is None:
        return "has no engine that runs it: start a bot on it"
    phase = f"{regime['phase']}{_ARROWS[regime['direction']]}"
    return f"{phase}, volatility {regime['volatility']}, quality {regime['quality']:.2f}"


def timeframes(text: str) -> tuple[Timeframe, ...]:
    names = text.split(",")
    found = tuple(name for name in TIMEFRAME_SECONDS if name in names)
    if len(found) != len(names) or len(found) > MAX_TIMEFRAMES:
        raise argparse.ArgumentTypeError(
            f"{text}: up to {MAX_TIMEFRAMES} different ones of {', '.join(TIMEFRAME_SECONDS)}"
        )
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description="Print what kind of market a symbol is in.")
    parser.add_argument("--exchange", default="binance", help="as ccxt names it (%(default)s)")
    parser.add_argument("--symbol", default="BTC/USDT", help="%(default)s")
    parser.add_argument("--timeframes", type=timeframes, default=("1m", "5m", "15m"), help="1m,5m,15m")
    parser.add_argument("--duration", type=float, default=300.0, metavar="SECONDS", help="%(default)g")
    parser.add_argument("--simulator", metavar="URL", help="the simulated exchange instead of Binance")
    parser.add_argument("--site", metavar="URL", help="ask a running Tradingsite instead of an exchange")
    parser.add_argument("--token", default=os.environ.get("TRADINGSITE_TOKEN", ""), help="for --site")
    options = parser.parse_args()
    if options.simulator:
        os.environ["STREAMS_SIMULATOR_URL"] = options.simulator
    try:
        if options.site:
            ask(options)
        else:
            asyncio.run(stream(options))
    except (NotSimulated, UnknownExchange, StreamRefused) as error:
        print(error, file=sys.stderr)
        return 4
    except httpx.HTTPStatusError as error:
        status = error.response.status_code
        hint = " The token is wrong or has ended: get one from /api/v1/auth/token." if status == 401 else ""
        print(f"{options.site} answers {status} {error.response.reason_phrase}.{hint}", file=sys.stderr)
        return 4
    except httpx.HTTPError as error:
        print(f"{options.site} does not answer as it should: {error}", file=sys.stderr)
        return 4
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
