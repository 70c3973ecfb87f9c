"""What an edge is set against: the account's fees, the book and the impact of the bot's largest position."""

import math
from dataclasses import replace as changed
from decimal import Decimal

import msgspec
import pytest

from bots.engine.edges import bot_edge, round_trip_bps
from bots.trading.vocabulary import OrderType
from quant.edge import Evidence
from quant.reading import Component
from quant.symbol_signals import SymbolSignals
from quant.vector import SignalVector
from tests.benchmarks.engine import bot_config
from tests.unit.quant.market import IDS, SECOND, START, session, walk

KNOWN = {(IDS["exchange"], IDS["symbol"], None): Evidence(ic=0.05, is_significant=True)}


def vector(*, impact_bps: float | None = None) -> SignalVector:
    made = SymbolSignals(**IDS)
    bars = walk(300)
    made.warm_up(bars)
    events = session(30, start=START + 300 * 60 * SECOND, price=bars[-1].close)
    for event in events:
        made.update(event)
    found = made.read(now_ns=events[-1].ts_init)
    readings = tuple(
        msgspec.structs.replace(reading, parts=reading.parts | {"impact_bps": impact_bps})
        if column.component is Component.MICROSTRUCTURE
        else reading
        for column, reading in zip(found.columns, found.readings, strict=True)
    )
    return changed(found, readings=readings)


def test_fees_are_those_of_both_ways() -> None:
    config = bot_config(1)
    account = msgspec.structs.replace(config.account, maker_fee_bps=Decimal(2), taker_fee_bps=Decimal(5))
    config = msgspec.structs.replace(config, account=account)
    assert round_trip_bps(config) == 10.0
    assert round_trip_bps(msgspec.structs.replace(config, order_type=OrderType.LIMIT)) == 7.0


@pytest.mark.parametrize(("slope", "units"), [(None, 0.0), (3.0, 3.0), (-3.0, 0.0)])
def test_costs_are_fees_half_the_spread_and_impact(slope: float | None, units: float) -> None:
    seen = vector(impact_bps=slope)
    edge = bot_edge(KNOWN, bot_config(1), seen, 10.0)
    assert edge is not None
    assert seen.spread_bps
    assert seen.mid
    assert seen.sigma_per_sqrt_s
    assert edge.cost_bps == pytest.approx(20.0 + seen.spread_bps / 2 + units * 300.0 / seen.mid)
    sigma_bps = seen.sigma_per_sqrt_s * 60.0 * 1e4
    assert edge.expected_bps == pytest.approx(0.05 * sigma_bps * math.sqrt(2 / math.pi))


def test_without_evidence_it_says_so_and_without_a_forecast_there_is_none() -> None:
    seen = vector()
    unknown = bot_edge({}, bot_config(1), seen, 10.0)
    assert unknown is not None
    assert (unknown.expected_bps, unknown.reason) == (None, "insufficient evidence")
    assert bot_edge(KNOWN, bot_config(1), seen, math.nan) is None
    assert bot_edge(KNOWN, bot_config(1), changed(seen, spread_bps=None), 10.0) is None
