"""Synthetic perpetuals of the simulated markets, in the shape of Binance's USD-M futures."""

import calendar
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import numpy as np

from marketdata.simulator.noise import Floats, Ints
from marketdata.simulator.path import Path
from marketdata.simulator.slow_chance import MINUTE_MS, Chance

HOUR_MS = 3_600_000
DAY_MS = 86_400_000
KEPT_MS = 30 * DAY_MS
PERIODS_MS = {"5m": 300_000, "15m": 900_000, "30m": 1_800_000, "1h": HOUR_MS, "4h": 4 * HOUR_MS, "1d": DAY_MS}
# Symbols whose interval is not the usual 8 h; only they are listed by fundingInfo.
ADJUSTED_HOURS = {"DOGEUSDT": 4, "AVAXUSDT": 4}
QUARTERLY = ("BTCUSDT", "ETHUSDT")

Row = dict[str, object]


class BadRequest(ValueError):
    """A parameter that the venue refuses: Binance's code and text."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class SlowFutures:
    """Answers of /fapi/v1 and /futures/data."""

    def __init__(self, paths: Mapping[str, Path], *, seed: int) -> None:
        self._paths = paths
        self._chance = Chance(seed)

    def prices(self, symbol: str, time_ms: Ints) -> Floats:
        minute = time_ms // MINUTE_MS
        begin, end = self._paths[symbol].anchors(minute), self._paths[symbol].anchors(minute + 1)
        return np.asarray(np.exp(begin + (end - begin) * ((time_ms % MINUTE_MS) / MINUTE_MS)))

    def price(self, symbol: str, time_ms: int) -> float:
        return float(self.prices(symbol, _one(time_ms))[0])

    # /fapi/v1

    def premium_index(self, params: Mapping[str, str], now_ms: int) -> object:
        symbols = [self._symbol(params)] if params.get("symbol") else list(self._paths)
        rows = [self._premium(symbol, now_ms) for symbol in symbols]
        return rows[0] if params.get("symbol") else rows

    def open_interest(self, params: Mapping[str, str], now_ms: int) -> object:
        symbol = self._symbol(params)
        contracts = self._contracts(symbol, _one(now_ms))[0]
        return {"openInterest": f"{contracts:.3f}", "symbol": symbol, "time": now_ms}

    def funding_rates(self, params: Mapping[str, str], now_ms: int) -> object:
        symbol = self._symbol(params)
        step_ms = ADJUSTED_HOURS.get(symbol, 8) * HOUR_MS
        limit = _integer(params, "limit", 100, highest=1000)
        end_ms = min(_integer(params, "endTime", now_ms), now_ms)
        start_ms = _integer(params, "startTime", end_ms - (limit - 1) * step_ms)
        first = -(-start_ms // step_ms)
        times = np.arange(first, end_ms // step_ms + 1, dtype=np.int64)[:limit] * step_ms
        # The venue's clock is some milliseconds late.
        late = (self._chance.rolls("funding-late", times) * 9).astype(np.int64)
        rows = zip(times + late, self._funding(symbol, times), self.prices(symbol, times), strict=True)
        return [
            {"symbol": symbol, "fundingTime": int(time), "fundingRate": f"{rate:.8f}", "markPrice": f"{price:.8f}"}
            for time, rate, price in rows
        ]

    def funding_info(self, params: Mapping[str, str], now_ms: int) -> object:
        return [
            {
                "symbol": symbol,
                "adjustedFundingRateCap": "0.02000000",
                "adjustedFundingRateFloor": "-0.02000000",
                "fundingIntervalHours": hours,
                "disclaimer": False,
            }
            for symbol, hours in ADJUSTED_HOURS.items()
            if symbol in self._paths
        ]

    # /futures/data

    def open_interest_history(self, params: Mapping[str, str], now_ms: int) -> object:
        symbol = self._symbol(params)
        times = _times(params, now_ms)
        rows = zip(times, self._contracts(symbol, times), self.prices(symbol, times), strict=True)
        return [
            {
                "symbol": symbol,
                "sumOpenInterest": f"{contracts:.8f}",
                "sumOpenInterestValue": f"{contracts * price:.8f}",
                "timestamp": int(time),
            }
            for time, contracts, price in rows
        ]

    def ratio(self, name: str) -> Callable[[Mapping[str, str], int], object]:
        """The answers of one of the long/short endpoints."""

        def answer(params: Mapping[str, str], now_ms: int) -> object:
            symbol = self._symbol(params)
            times = _times(params, now_ms)
            ratios = np.exp(0.4 + 0.3 * self._chance.waves(name + symbol, times, 30, 360, 4_320))
            return [
                {
                    "symbol": symbol,
                    "longShortRatio": f"{ratio:.4f}",
                    "longAccount": f"{ratio / (1 + ratio):.4f}",
                    "shortAccount": f"{1 / (1 + ratio):.4f}",
                    "timestamp": int(time),
                }
                for time, ratio in zip(times, ratios, strict=True)
            ]

        return answer

    def taker(self, params: Mapping[str, str], now_ms: int) -> object:
        symbol = self._symbol(params)
        times = _times(params, now_ms)
        moved = np.log(self.prices(symbol, times) / self.prices(symbol, times - 300_000))
        ratios = np.exp(0.12 * self._chance.waves(f"taker{symbol}", times, 5, 30) + 40 * moved)
        sold = 120 * np.exp(0.4 * self._chance.waves(f"volume{symbol}", times, 10, 120))
        return [
            {
                "buySellRatio": f"{ratio:.4f}",
                "buyVol": f"{volume * ratio:.4f}",
                "sellVol": f"{volume:.4f}",
                "timestamp": int(time),
            }
            for time, ratio, volume in zip(times, ratios, sold, strict=True)
        ]

    def basis(self, params: Mapping[str, str], now_ms: int) -> object:
        pair = self._symbol(params, "pair")
        kind = params.get("contractType", "")
        if kind not in ("PERPETUAL", "CURRENT_QUARTER", "NEXT_QUARTER"):
            raise BadRequest(-1102, "Mandatory parameter 'contractType' was not sent, was empty/null, or malformed.")
        if kind != "PERPETUAL" and pair not in QUARTERLY:
            return []
        return self._basis(pair, kind, _times(params, now_ms))

    # What the numbers are

    def _contracts(self, symbol: str, time_ms: Ints) -> Floats:
        """A walk around a size that fits the price, drawn to moves of the price."""
        spec, name = self._paths[symbol].spec, f"oi{symbol}"
        usual = 1.2e6 * spec.trade_value / spec.price
        followed = np.log(self.prices(symbol, time_ms) / self.prices(symbol, time_ms - 6 * HOUR_MS))
        fast, slow = self._chance.waves(name, time_ms, 60, 480), self._chance.waves(name, time_ms, 4_320, 20_160)
        return np.asarray(usual * np.exp(0.05 * fast + 0.2 * slow + 0.5 * followed))

    def _premium_of(self, symbol: str, time_ms: Ints) -> Floats:
        return np.asarray(0.0004 * self._chance.waves(f"premium{symbol}", time_ms, 15, 240, 2_880))

    def _funding(self, symbol: str, time_ms: Ints) -> Floats:
        return np.asarray(np.clip(0.0001 + 0.5 * self._premium_of(symbol, time_ms), -0.02, 0.02))

    def _premium(self, symbol: str, now_ms: int) -> Row:
        price, step_ms = self.price(symbol, now_ms), ADJUSTED_HOURS.get(symbol, 8) * HOUR_MS
        return {
            "symbol": symbol,
            "markPrice": f"{price * (1 + self._premium_of(symbol, _one(now_ms))[0]):.8f}",
            "indexPrice": f"{price:.8f}",
            "estimatedSettlePrice": f"{price:.8f}",
            "lastFundingRate": f"{self._funding(symbol, _one(now_ms))[0]:.8f}",
            "interestRate": "0.00010000",
            "nextFundingTime": (now_ms // step_ms + 1) * step_ms,
            "time": now_ms,
        }

    def _basis(self, pair: str, kind: str, times: Ints) -> list[Row]:
        index = self.prices(pair, times)
        if kind == "PERPETUAL":
            future, annual = index * (1 + self._premium_of(pair, times)), [""] * len(times)
        else:
            ahead = 0 if kind == "CURRENT_QUARTER" else 1
            years = np.array([_quarter_end_ms(int(time), ahead) - time for time in times]) / (365 * DAY_MS)
            rates = 0.06 + 0.03 * self._chance.waves(f"basis{pair}", times, 600, 7_200)
            future, annual = index * np.exp(rates * years), [f"{rate:.4f}" for rate in rates]
        return [
            {
                "indexPrice": f"{spot:.8f}",
                "contractType": kind,
                "basisRate": f"{price / spot - 1:.4f}",
                "futuresPrice": f"{price:.8f}",
                "annualizedBasisRate": rate,
                "basis": f"{price - spot:.8f}",
                "pair": pair,
                "timestamp": int(time),
            }
            for time, spot, price, rate in zip(times, index, future, annual, strict=True)
        ]

    def _symbol(self, params: Mapping[str, str], name: str = "symbol") -> str:
        symbol = params.get(name, "").upper()
        if symbol not in self._paths:
            raise BadRequest(-1121, "Invalid symbol.")
        return symbol


def _times(params: Mapping[str, str], now_ms: int) -> Ints:
    """The buckets asked for, oldest first: the latest ones within the range, none older than 30 days."""
    step_ms = PERIODS_MS.get(params.get("period", ""))
    if step_ms is None:
        raise BadRequest(-1102, "Mandatory parameter 'period' was not sent, was empty/null, or malformed.")
    limit = _integer(params, "limit", 30, highest=500)
    start_ms, end_ms = _integer(params, "startTime", 0), min(_integer(params, "endTime", now_ms), now_ms)
    if "startTime" in params and start_ms < now_ms - KEPT_MS:
        raise BadRequest(-1130, "parameter 'startTime' is invalid.")
    last = end_ms // step_ms
    first = max(last - limit + 1, -(-start_ms // step_ms))
    return np.arange(first, last + 1, dtype=np.int64) * step_ms


def _one(time_ms: int) -> Ints:
    return np.array([time_ms], dtype=np.int64)


def _integer(params: Mapping[str, str], name: str, default: int, *, highest: int | None = None) -> int:
    text = params.get(name, "")
    if not text:
        return default
    if not text.isdecimal() or (highest is not None and not 1 <= int(text) <= highest):
        raise BadRequest(-1130, f"parameter '{name}' is invalid.")
    return int(text)


def _quarter_end_ms(time_ms: int, ahead: int) -> int:
    """08:00 UTC on the last Friday of the quarter, `ahead` quarters on."""
    at = datetime.fromtimestamp(time_ms / 1000, tz=UTC)
    ends: list[int] = []
    for month in range(12 * at.year + at.month - 1, 12 * at.year + at.month + 9):
        year, number = divmod(month, 12)
        if (number + 1) % 3 == 0:
            last = datetime(year, number + 1, calendar.monthrange(year, number + 1)[1], 8, tzinfo=UTC)
            end = last - timedelta(days=(last.weekday() - 4) % 7)
            if end > at:
                ends.append(int(end.timestamp() * 1000))
    return ends[ahead]
