"""A synthetic option chain of BTC and ETH with a smile, its trades and its volatility index, in Deribit's shape."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from marketdata.simulator.noise import Floats, Ints
from marketdata.simulator.slow_chance import MINUTE_MS, Chance
from marketdata.simulator.slow_futures import BadRequest, SlowFutures

YEAR_MS = 365 * 86_400_000
STRIKE_STEP = {"BTC": (1_000, 20), "ETH": (50, 20)}
FRIDAYS_AHEAD = (1, 2, 5, 14, 27)
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
RESOLUTIONS_MS = {"1": 1_000, "60": 60_000, "3600": 3_600_000, "43200": 43_200_000, "1D": 86_400_000}
MOST_TRADES_A_MINUTE = 6
CHUNK_MINUTES = 240


Row = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """An expiry and a strike, as Deribit names them."""

    currency: str
    expiry_ms: int
    strike: int

    @property
    def future(self) -> str:
        at = datetime.fromtimestamp(self.expiry_ms / 1000, tz=UTC)
        return f"{self.currency}-{at.day}{MONTHS[at.month - 1]}{at:%y}"

    def name(self, side: str) -> str:
        return f"{self.future}-{self.strike}-{side}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Smile:
    """Volatility by strike at one time: `level` near the money, `lean` to puts or calls."""

    level: float
    lean: float

    def volatility(self, years: float, distance: float) -> float:
        """`distance` is the logarithm of strike / forward."""
        level = self.level * (1 + 0.05 * math.log(years * 12 + 0.2))
        away = max(-3.0, min(3.0, distance / (0.55 * math.sqrt(years))))
        return level * (1 + self.lean * away + 0.025 * away * away)


class SlowOptions:
    """Answers of /public methods: the `result` of each."""

    def __init__(self, futures: SlowFutures, *, seed: int) -> None:
        self._futures = futures
        self._chance = Chance(seed)

    def book_summary(self, params: Mapping[str, str], now_ms: int) -> object:
        currency = _currency(params)
        if params.get("kind", "option") != "option":
            return []
        index = self._futures.price(f"{currency}USDT", now_ms)
        smile = self._smile(currency, now_ms)
        hour = now_ms // 3_600_000
        rows: list[Row] = []
        for expiry_ms in expiries_ms(now_ms):
            years = (expiry_ms - now_ms) / YEAR_MS
            forward = index * math.exp(0.05 * years)
            strikes = np.array(_strikes(currency, index), dtype=np.int64)
            held = self._chance.rolls(f"oi{currency}{expiry_ms}", strikes)
            traded = self._chance.rolls(f"volume{currency}{expiry_ms}", strikes * 1_000_003 + hour)
            for strike, open_interest, volume in zip(strikes.tolist(), held, traded, strict=True):
                option = Option(currency=currency, expiry_ms=expiry_ms, strike=strike)
                volatility = smile.volatility(years, math.log(strike / forward))
                for side in "CP":
                    usual = 1_500 * math.exp(-abs(math.log(strike / forward)) * 8)
                    size = usual * (1.0 if (side == "C") == (strike >= forward) else 0.3) * (0.3 + open_interest)
                    price = _black76(forward, strike, years, volatility, side) / forward
                    rows.append(
                        {
                            "instrument_name": option.name(side),
                            "base_currency": currency,
                            "quote_currency": currency,
                            "underlying_index": option.future,
                            "underlying_price": round(forward, 4),
                            "estimated_delivery_price": round(index, 4),
                            "mark_iv": round(100 * volatility, 2),
                            "mark_price": round(price, 6),
                            "bid_price": round(price * 0.98, 4) or None,
                            "ask_price": round(price * 1.02, 4) or None,
                            "mid_price": round(price, 4) or None,
                            "last": round(price, 4) or None,
                            "open_interest": round(float(size), 1),
                            "volume": round(float(size * 0.1 * volume), 1),
                            "interest_rate": 0.0,
                            "creation_timestamp": now_ms,
                        }
                    )
        return rows

    def volatility_index(self, params: Mapping[str, str], now_ms: int) -> object:
        currency = _currency(params)
        step_ms = RESOLUTIONS_MS.get(params.get("resolution", ""))
        if step_ms is None:
            raise BadRequest(-32602, "Invalid params: resolution")
        start_ms, end_ms = _time(params, "start_timestamp"), min(_time(params, "end_timestamp"), now_ms)
        first, last = -(-start_ms // step_ms), end_ms // step_ms
        cut = max(first, last - 999)
        times = np.arange(cut, last + 1, dtype=np.int64) * step_ms
        begin, end = self._dvol(currency, times), self._dvol(currency, times + step_ms - 1)
        data = [
            [time, open_, max(open_, close), min(open_, close), close]
            for time, open_, close in zip(times.tolist(), begin, end, strict=True)
        ]
        return {"data": data, "continuation": (cut - 1) * step_ms if cut > first else None}

    def last_trades(self, params: Mapping[str, str], now_ms: int) -> object:
        currency = _currency(params)
        start_ms, end_ms = _time(params, "start_timestamp"), min(_time(params, "end_timestamp"), now_ms)
        count = int(params.get("count", "10"))
        first, last = start_ms // MINUTE_MS, end_ms // MINUTE_MS
        trades: list[Row] = []
        for minute in range(first, last + 1, CHUNK_MINUTES):
            found = self._trades(currency, minute, min(minute + CHUNK_MINUTES, last + 1))
            trades += [trade for trade in found if start_ms <= _when(trade) <= end_ms]
            if len(trades) > count and params.get("sorting") == "asc":
                break
        if params.get("sorting") != "asc":
            trades.reverse()
        return {"trades": trades[:count], "has_more": len(trades) > count}

    # What the numbers are

    def _smile(self, currency: str, time_ms: int) -> Smile:
        level, lean = self._shape(currency, np.array([time_ms], dtype=np.int64))
        return Smile(level=float(level[0]), lean=float(lean[0]))

    def _shape(self, currency: str, times: Ints) -> tuple[Floats, Floats]:
        level = 0.55 * np.exp(0.25 * self._chance.waves(f"iv{currency}", times, 240, 2_880, 20_160))
        return level, -0.03 + 0.03 * self._chance.waves(f"skew{currency}", times, 360, 4_320)

    def _dvol(self, currency: str, times: Ints) -> list[float]:
        level, _ = self._shape(currency, times)
        return [round(105 * Smile(level=float(value), lean=0.0).volatility(30 / 365, 0.0), 2) for value in level]

    def _trades(self, currency: str, first: int, end: int) -> list[Row]:
        """The trades of the minutes from `first` to before `end`, oldest first."""
        name = f"trades{currency}"
        minutes = np.arange(first, end, dtype=np.int64)
        counts = (self._chance.rolls(name, minutes) * (MOST_TRADES_A_MINUTE + 1)).astype(np.int64)
        places = np.arange(MOST_TRADES_A_MINUTE, dtype=np.int64)
        numbers = (minutes[:, None] * MOST_TRADES_A_MINUTE + places)[places < counts[:, None]]
        times = numbers * (MINUTE_MS // MOST_TRADES_A_MINUTE)
        level, lean = self._shape(currency, times)
        draws = np.column_stack(
            [self._chance.rolls(f"{name}-{what}", numbers) for what in ("expiry", "strike", "side", "way", "amount")]
        )
        prices = self._futures.prices(f"{currency}USDT", times)
        return [
            self._trade(currency, number, time, price, Smile(level=iv, lean=skew), draw)
            for number, time, price, iv, skew, draw in zip(
                numbers.tolist(), times.tolist(), prices.tolist(), level.tolist(), lean.tolist(), draws.tolist(),
                strict=True,
            )
        ]  # fmt: skip

    @staticmethod
    def _trade(currency: str, number: int, time_ms: int, index: float, smile: Smile, draws: list[float]) -> Row:
        known, strikes = expiries_ms(time_ms), _strikes(currency, index)
        expiry, strike = known[int(draws[0] * len(known))], strikes[int(draws[1] * len(strikes))]
        side = "C" if draws[2] < 0.55 else "P"
        years = (expiry - time_ms) / YEAR_MS
        volatility = smile.volatility(years, math.log(strike / index))
        price = round(_black76(index, strike, years, volatility, side) / index, 4)
        trade: Row = {
            "trade_seq": number,
            "trade_id": str(number) if currency == "BTC" else f"{currency}-{number}",
            "timestamp": time_ms,
            "instrument_name": Option(currency=currency, expiry_ms=expiry, strike=strike).name(side),
            "direction": "buy" if draws[3] < 0.5 else "sell",
            "amount": round(0.1 + 10 * draws[4] ** 3, 1),
            "contracts": 1.0,
            "price": price,
            "mark_price": price,
            "iv": round(100 * volatility, 2),
            "index_price": round(index, 2),
            "tick_direction": 0,
        }
        if number % 17 == 0:
            trade |= {"block_trade_id": f"BLOCK-{number}", "block_trade_leg_count": 1}
        elif number % 13 == 0:
            trade |= {"combo_id": f"{currency}-CS", "combo_trade_id": number}
        return trade


def expiries_ms(now_ms: int) -> list[int]:
    """08:00 UTC tomorrow and on Fridays up to half a year ahead."""
    at = datetime.fromtimestamp(now_ms / 1000, tz=UTC)
    tomorrow = at.replace(hour=8, minute=0, second=0, microsecond=0) + timedelta(days=1)
    friday = tomorrow + timedelta(days=(4 - tomorrow.weekday()) % 7 or 7)
    days = [tomorrow, *(friday + timedelta(weeks=weeks - 1) for weeks in FRIDAYS_AHEAD)]
    return [int(day.timestamp() * 1000) for day in days]


def _strikes(currency: str, index: float) -> list[int]:
    """About forty strikes around the price, on a grid that stays."""
    step, around = STRIKE_STEP[currency]
    step = max(step, int(index / 50 / step) * step)
    middle = round(index / step)
    return [number * step for number in range(max(1, middle - around), middle + around + 1)]


def _black76(forward: float, strike: float, years: float, volatility: float, side: str) -> float:
    deviation = volatility * math.sqrt(years)
    d1 = math.log(forward / strike) / deviation + deviation / 2
    call = forward * _normal(d1) - strike * _normal(d1 - deviation)
    return max(0.0, call if side == "C" else call - forward + strike)


def _normal(value: float) -> float:
    return 0.5 * math.erfc(-value / math.sqrt(2))


def _when(trade: Mapping[str, object]) -> int:
    time_ms = trade["timestamp"]
    assert isinstance(time_ms, int)
    return time_ms


def _currency(params: Mapping[str, str]) -> str:
    currency = params.get("currency", "")
    if currency not in STRIKE_STEP:
        raise BadRequest(-32602, "Invalid params: currency")
    return currency


def _time(params: Mapping[str, str], name: str) -> int:
    text = params.get(name, "")
    if not text.isdecimal():
        raise BadRequest(-32602, f"Invalid params: {name}")
    return int(text)
