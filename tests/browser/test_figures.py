"""Figures in the browser are exact where money is."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.conftest import Visit

pytestmark = [pytest.mark.browser, pytest.mark.slow]

MINUS = "\N{MINUS SIGN}"


@pytest.fixture
def run(visit: Callable[..., Visit]) -> Callable[[str], Any]:
    """Evaluates an expression over the page's own modules."""
    page = visit(session=None).open("/login/")
    modules = "Promise.all(['decimal', 'format', 'pnl', 'socket', 'trouble'].map((name) => import(`/static/dashboard/${name}.js`)))"
    return lambda expression: page.evaluate(f"{modules}.then(([d, f, p, s, t]) => {expression})")


def test_tenths_add_up(run: Callable[[str], Any]) -> None:
    assert run("d.text(d.add(d.decimal('0.1'), d.decimal('0.2')))") == "0.3"


def test_large_money_keeps_its_last_digit(run: Callable[[str], Any]) -> None:
    assert run("f.amount('9007199254740993.000000000001')") == "9,007,199,254,740,993.000000000001"


@pytest.mark.parametrize(
    ("value", "shown"),
    [("1.005", "+1.01"), ("-0.005", f"{MINUS}0.01"), ("0", "0.00"), ("-0.004", "0.00"), ("1e-7", "0.00")],
)
def test_money_rounds_half_away_from_zero(run: Callable[[str], Any], value: str, shown: str) -> None:
    assert run(f"f.money('{value}')") == shown


def test_trailing_zeros_carry_no_information(run: Callable[[str], Any]) -> None:
    assert run("[d.places('0.010000000000'), d.places('5'), d.places(0.00001)]") == [2, 0, 5]


def test_a_long_is_worth_the_bid_and_a_short_the_ask(run: Callable[[str], Any]) -> None:
    store = "{prices: new Map([['x:A/B', {bid: 101, ask: 102, price: 101.5}]]), bots: new Map()}"
    position = "{exchange: 'x', symbol: 'A/B', entry_price: '100', quantity: '0.3', side: '%s'}"
    for side, worth in (("buy", "0.3"), ("sell", f"{MINUS}0.6")):
        assert run(f"d.text(p.unrealised({position % side}, {store}))") == worth


def test_stream_positions_compare_by_time_then_number(run: Callable[[str], Any]) -> None:
    assert run("[s.after('10-2', '10-1'), s.after('9-9', '10-0'), s.after('10-0', null)]") == [True, False, True]


def test_times_of_any_unit_are_understood(run: Callable[[str], Any]) -> None:
    units = "[1700000000, 1700000000000, 1700000000000000, 1700000000000000000, '2023-11-14T22:13:20Z']"
    assert run(f"{units}.map(f.millis)") == [1_700_000_000_000] * 5


def test_the_banner_names_five_unknown_symbols_and_counts_the_rest(run: Callable[[str], Any]) -> None:
    feed = "{symbol: `S${n}/Y`, state: 'unknown_symbol', reason: 'x does not list it: did you mean T/Y?'}"
    said = run(f"t.troubleOf([...Array(8).keys()].map((n) => ({feed})))")
    assert said.startswith("Not listed by their exchange: S0/Y, S1/Y, S2/Y, S3/Y, S4/Y and 3 more. ")
    assert "did you mean" not in said
    said = run(f"t.troubleOf([{{symbol: 'A/B', state: 'stale', reason: 'no data for 2 s'}}, (n => ({feed}))(7)])")
    assert said.startswith("A/B stale (no data for 2 s). Nothing is traded where the price is stale. Not listed")
    lost = "{symbol: `S${n}/Y`, state: 'failed', reason: 'HTTP 503.'}"
    said = run(f"t.troubleOf([...Array(8).keys()].map((n) => ({lost})))")
    assert said.startswith("S0/Y, S1/Y, S2/Y, S3/Y, S4/Y and 3 more failed (HTTP 503). Nothing is traded")
