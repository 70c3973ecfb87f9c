import dataclasses

import pytest
from msgspec import structs

from quant.reading import Component
from quant.size import SizeCode, size_of
from quant.symbol_signals import SymbolSignals
from tests.unit.quant.market import IDS, START


def market(**parts):
    """A vector in which microstructure and options flow speak, with these figures behind them."""
    vector = SymbolSignals(**IDS).read(now_ns=START)
    quality = vector.quality.copy()
    readings = list(vector.readings)
    for i, column in enumerate(vector.columns):
        if column.component in (Component.MICROSTRUCTURE, Component.OPTIONS_FLOW):
            quality[i] = 1.0
            readings[i] = structs.replace(readings[i], value=0.1, parts=parts)
    return dataclasses.replace(vector, quality=quality, readings=tuple(readings))


def test_a_usual_market_leaves_the_size():
    size = size_of(market(vpin_percentile=0.95, term_slope=0.0))
    assert (size.multiplier, size.causes) == (1.0, ())
    assert size.text == "size x1: nothing asks for another"


@pytest.mark.parametrize(
    ("parts", "code", "factor"),
    [({"vpin_percentile": 0.951}, SizeCode.VPIN, 0.5), ({"term_slope": -0.001}, SizeCode.TERM_STRESS, 0.7)],
)
def test_one_cause_has_its_factor(parts, code, factor):
    (cause,) = size_of(market(**parts)).causes
    assert (cause.code, cause.factor) == (code, factor)


def test_causes_multiply_and_are_told():
    size = size_of(market(vpin_percentile=0.98, term_slope=-0.05))
    assert size.multiplier == pytest.approx(0.35)
    assert size.text == (
        "size x0.35: flow is one-sided, VPIN at its 98.0% percentile (x0.5); "
        "options expect more of the next week than of the next quarter, slope -0.050 (x0.7)"
    )


def test_what_is_unknown_or_has_aged_out_changes_nothing():
    assert size_of(market(vpin_percentile=None, term_slope=None)).multiplier == 1.0
    old = market(vpin_percentile=0.99, term_slope=-0.1)
    assert size_of(dataclasses.replace(old, quality=old.quality * 0.0)).multiplier == 1.0
