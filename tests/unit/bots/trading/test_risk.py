"""Every control refuses what it should, says why, and lets exits pass."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from bots.trading.limits import SECOND_NS
from bots.trading.records import Reason, Restriction
from bots.trading.risk import MarketView, RiskCode, RiskState, clock_reasons, evaluate_risk, strictest
from bots.trading.vocabulary import Ladder, Purpose, Side
from tests.unit.bots.trading.cast import RULES
from tests.unit.bots.trading.test_sizing import LIMITS

D = Decimal
NOW = 1_000 * SECOND_NS
FREE = Restriction(ladder=Ladder.ACTIVE, scope="bot", reason="")
STATE = RiskState(restriction=FREE, equity=D(2000), peak_equity=D(2000), account_equity=D(10_000))
MARKET = MarketView(bid=99.99, ask=100.01, ts_ns=NOW - SECOND_NS)


def evaluate(**changes: Any) -> tuple[Reason, ...]:
    values: dict[str, Any] = {
        "purpose": Purpose.ENTRY,
        "limits": LIMITS,
        "state": STATE,
        "market": MARKET,
        "now_ns": NOW,
        "rules": RULES,
        "side": Side.BUY,
        "quantity": D(2),
        "price": D(100),
        "confidence": 0.5,
    }
    return evaluate_risk(**values | changes)


def state(**changes: Any) -> dict[str, Any]:
    return {"state": msgspec.structs.replace(STATE, **changes)}


def limits(**changes: Any) -> dict[str, Any]:
    return {"limits": msgspec.structs.replace(LIMITS, **changes)}


def entries(count: int, seconds_ago: int, symbol: str = "ETH/USDT") -> tuple[tuple[int, str, Side], ...]:
    return tuple((NOW - seconds_ago * SECOND_NS, symbol, Side.BUY) for _ in range(count))


REFUSALS = [
    (RiskCode.PAUSED, state(restriction=Restriction(ladder=Ladder.PAUSE, scope="account", reason="lunch")), "lunch"),
    (RiskCode.REDUCE_ONLY, state(restriction=Restriction(ladder=Ladder.REDUCE, scope="bot", reason="")), "only exits"),
    (RiskCode.FLATTEN, state(restriction=Restriction(ladder=Ladder.FLATTEN, scope="bot", reason="")), "closed"),
    (RiskCode.NO_PRICE, {"market": MarketView(bid=None, ask=None, ts_ns=NOW)}, "no valid price"),
    (RiskCode.NO_PRICE, {"market": MarketView(bid=101.0, ask=100.0, ts_ns=NOW)}, "no valid price"),
    (RiskCode.STALE_PRICE, {"market": MarketView(bid=99.9, ask=100.0, ts_ns=NOW - 4 * SECOND_NS)}, "4.0 s old"),
    (RiskCode.SPREAD, {"market": MarketView(bid=99.0, ask=100.0, ts_ns=NOW)}, "100.5 bps"),
    (RiskCode.PERIOD_COLLAR, {"market": msgspec.structs.replace(MARKET, moved=0.101)}, "moved 10.1 % within 60 s"),
    (RiskCode.QUANT_VETO, {"vetoes": (Reason(code="spike", text="volatility spike"),)}, "volatility spike"),
    (RiskCode.CONFIDENCE, {"confidence": 0.2}, "0.20; at least 0.25"),
    (RiskCode.SHORT, {"side": Side.SELL}, "sold short"),
    (RiskCode.DAILY_LOSS, state(realised_today=D(-40), unrealised=D(-20)), "3.00 %"),
    (RiskCode.WEEKLY_TARGET, limits(weekly_target=D("0.05")) | state(realised_week=D(100)), "Monday"),
    (RiskCode.DRAWDOWN, state(equity=D(1800)), "10.00 % below its peak"),
    (RiskCode.POSITION_OPEN, state(has_position=True), "already open"),
    (RiskCode.MAXIMUM_POSITIONS, state(open_positions=3), "at most 3"),
    (RiskCode.TRADES_PER_DAY, state(trades_today=200), "200 entries"),
    (RiskCode.POSITION_VALUE, {"quantity": D("3.01")}, "at most 300.00"),
    (RiskCode.ORDER_VALUE, state(account_equity=D(3000)), "at most 150.00"),
    (RiskCode.SYMBOL_EXPOSURE, state(symbol_exposure=D(1900)), "2100.00; at most 2000.00"),
    (RiskCode.GROSS_EXPOSURE, state(gross_exposure=D(9900)), "10100.00"),
    (RiskCode.MESSAGE_RATE, state(recent_entries=entries(5, 4)), "5 orders within 5 seconds"),
]


def test_an_ordinary_entry_is_approved() -> None:
    assert evaluate() == ()


@pytest.mark.parametrize(("code", "changes", "text"), REFUSALS)
def test_each_control_refuses_alone_and_says_why(code: RiskCode, changes: dict[str, Any], text: str) -> None:
    if "limits" in changes and "state" in changes:
        assert evaluate(limits=changes["limits"]) == ()
    reasons = evaluate(**changes)
    assert [reason.code for reason in reasons] == [code]
    assert text in reasons[0].text


@pytest.mark.parametrize(("code", "changes", "text"), REFUSALS)
def test_exits_always_pass(code: RiskCode, changes: dict[str, Any], text: str) -> None:
    assert evaluate(purpose=Purpose.EXIT, **changes) == ()


def test_what_is_just_within_a_limit_passes() -> None:
    just = state(
        realised_today=D("-59.99"), equity=D("1800.01"), open_positions=2, trades_today=199, symbol_exposure=D(1800),
        recent_entries=entries(4, 4) + entries(5, 200) + entries(9, 301),
    )  # fmt: skip
    assert evaluate(**just, quantity=D(2), confidence=0.25) == ()


def test_several_reasons_are_all_given() -> None:
    reasons = evaluate(confidence=0.0, **state(open_positions=9, trades_today=900))
    assert [reason.code for reason in reasons] == ["confidence", "maximum_positions", "trades_per_day"]


def test_the_strictest_restriction_wins_and_names_its_scope() -> None:
    account = Restriction(ladder=Ladder.REDUCE, scope="account", reason="")
    assert strictest(FREE, account, Restriction(ladder=Ladder.PAUSE, scope="bot", reason="")) is account


@pytest.mark.parametrize(("error_ms", "refused"), [(0, False), (500, False), (-500, False), (501, True), (-501, True)])
def test_a_clock_half_a_second_off_refuses(error_ms: float, refused: bool) -> None:
    assert [reason.code for reason in clock_reasons(error_ms)] == [RiskCode.CLOCK] * refused
