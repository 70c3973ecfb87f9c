"""The instruments the venue lists, with their trading rules and the character of their synthetic market."""

import hashlib
import re
from dataclasses import dataclass

from marketdata.simulator.numbers import UNIT

QUOTES = ("FDUSD", "USDT", "USDC", "TUSD", "BUSD", "EUR", "BTC", "ETH", "BNB")


class UnknownSymbolError(ValueError):
    """The name is not BASE/QUOTE."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolSpec:
    """Trading rules in units of 1e-8; `price`, `vol_bps` (of one minute), `spread_bps`, `trade_value` shape the path."""

    name: str
    tick: int
    step: int
    price: float
    vol_bps: float = 9.0
    spread_bps: float = 1.0
    trade_value: float = 900.0
    min_notional: int = 5 * UNIT
    max_notional: int = 9_000_000 * UNIT

    @property
    def base(self) -> str:
        return self.name.split("/")[0]

    @property
    def quote(self) -> str:
        return self.name.split("/")[1]

    @property
    def id(self) -> str:
        return self.base + self.quote

    @property
    def max_quantity(self) -> int:
        return int(10_000_000 / self.price) * UNIT + UNIT

    @property
    def max_market_quantity(self) -> int:
        return max(self.step, self.max_quantity // 20 // self.step * self.step)


def _spec(name: str, tick: float, step: float, price: float, vol_bps: float, value: float = 900.0) -> SymbolSpec:
    return SymbolSpec(
        name=name, tick=round(tick * UNIT), step=round(step * UNIT), price=price, vol_bps=vol_bps, trade_value=value
    )


CATALOG = {
    spec.name: spec
    for spec in (
        _spec("BTC/USDT", 0.01, 0.00001, 64_000.0, 11.0, 3_000.0),
        _spec("ETH/USDT", 0.01, 0.0001, 3_200.0, 11.0, 2_000.0),
        _spec("SOL/USDT", 0.01, 0.001, 150.0, 12.0, 1_200.0),
        _spec("BNB/USDT", 0.01, 0.001, 580.0, 10.0),
        _spec("XRP/USDT", 0.0001, 0.1, 2.2, 11.0),
        _spec("ADA/USDT", 0.0001, 0.1, 0.62, 12.0, 500.0),
        _spec("DOGE/USDT", 0.00001, 1, 0.18, 14.0, 600.0),
        _spec("AVAX/USDT", 0.001, 0.01, 28.0, 13.0, 500.0),
    )
}


def find_spec(name: str) -> SymbolSpec:
    """The rules of "BTC/USDT"; a name outside the catalog gets plausible ones, always the same.

    Raises UnknownSymbolError when the name is not BASE/QUOTE.
    """
    name = name.strip().upper()
    if name in CATALOG:
        return CATALOG[name]
    if not re.fullmatch(r"[A-Z0-9]{2,10}/[A-Z]{3,5}", name):
        raise UnknownSymbolError(f"{name!r} is not a symbol: write it as BASE/QUOTE, for example BTC/USDT")
    digest = hashlib.blake2b(name.encode(), digest_size=4).digest()
    price = round(0.5 * 2.0 ** (digest[0] / 32), 4)
    return _spec(name, 0.0001, 0.01, price, 8.0 + digest[1] / 40)


def split_id(symbol_id: str) -> str:
    """Read "BTCUSDT" as "BTC/USDT". Raises UnknownSymbolError when no known quote asset ends it."""
    symbol_id = symbol_id.upper()
    for quote in QUOTES:
        if symbol_id.endswith(quote) and len(symbol_id) > len(quote) + 1:
            return f"{symbol_id.removesuffix(quote)}/{quote}"
    raise UnknownSymbolError(f"cannot tell the quote asset of {symbol_id!r}: known are {', '.join(QUOTES)}")
