"""The perpetuals beside the spot markets: the same prices with a small premium, trades and books of their own."""

from collections.abc import Iterable
from dataclasses import replace

from marketdata.simulator.noise import subseed
from marketdata.simulator.numbers import UNIT
from marketdata.simulator.path import Path
from marketdata.simulator.symbols import SymbolSpec
from marketdata.simulator.synthetic import SyntheticMarket

# Of the spot price, as a logarithm.
PREMIUM = 0.0003
# Tick and step where the venue's are coarser than on its spot market.
_RULES = {"BTC": (UNIT // 10, UNIT // 1000), "ETH": (UNIT // 100, UNIT // 1000), "SOL": (UNIT // 100, UNIT // 100)}


def perpetual_of(spot: SymbolSpec) -> SymbolSpec:
    """The rules of the perpetual: whole coins but for the dear ones."""
    tick, step = _RULES.get(spot.base, (spot.tick, max(spot.step, UNIT // 100)))
    return replace(spot, tick=tick, step=step, trade_value=2 * spot.trade_value)


def perpetual_markets(
    specs: Iterable[SymbolSpec], *, seed: int, rate: int, listed_ms: int, now_ms: int
) -> dict[str, SyntheticMarket]:
    """One for each spot market quoted in USDT or USDC."""
    markets = {}
    for spot in specs:
        if spot.quote in ("USDT", "USDC"):
            spec = perpetual_of(spot)
            path = Path(spec, seed=seed, rate=rate, offset=PREMIUM, variant="perpetual")
            # The book is drawn from another seed than that of the spot market.
            market = SyntheticMarket(
                spec,
                seed=subseed(seed, "perpetual") % 2**62,
                rate=rate,
                listed_ms=listed_ms,
                now_ms=now_ms,
                path=path,
            )
            markets[spec.id] = market
    return markets
