"""From a proposal to an order, or to every reason against it."""

from decimal import Decimal
from typing import Any

import msgspec
from msgspec.structs import replace

from bots.trading.decide import Opinion, Proposal
from bots.trading.limits import DEFAULT_CONTROLS
from bots.trading.plan import Situation, plan_entry, plan_exit
from bots.trading.records import OrderPlan, PositionState, Reason, Restriction
from bots.trading.risk import MarketView, RiskState
from bots.trading.vocabulary import Action, ExitReason, Ladder, OrderType, Purpose, Side
from tests.benchmarks.engine import bot_config

D = Decimal
CONFIG = bot_config(1)
RULES = CONFIG.instruments[0]
NOW = 1_700_000_000_000_000_000
CONFIDENT = Opinion(signal=0.5, coverage=1.0, multiplier=1.0, forecast=10.0, confidence=0.995, minimum_confidence=0.99)
BUY = Proposal(action=Action.BUY, purpose=Purpose.ENTRY, side=Side.BUY)
FREE = Restriction(ladder=Ladder.ACTIVE, scope="bot", reason="")


def situation(**changes: Any) -> Situation:
    risk = RiskState(restriction=FREE, equity=D(2000), peak_equity=D(2000), account_equity=D(10_000))
    found = Situation(
        bot_id=1, account_id=1, rules=RULES, limits=CONFIG.limits, order_type=OrderType.MARKET, risk=risk,
        market=MarketView(bid=100.0, ask=100.02, ts_ns=NOW), free_cash=D(10_000), sigma_annual=0.5,
        depth_quantity=1000.0, now_ns=NOW, slot=NOW,
    )  # fmt: skip
    return msgspec.structs.replace(found, **changes)


def plan(found: Situation, *, vetoes: tuple[Reason, ...] = ()) -> OrderPlan | tuple[Reason, ...]:
    return plan_entry(situation=found, proposal=BUY, opinion=CONFIDENT, vetoes=vetoes, controls=DEFAULT_CONTROLS)


def codes(answer: OrderPlan | tuple[Reason, ...]) -> list[str]:
    assert not isinstance(answer, OrderPlan)
    return [reason.code for reason in answer]


def test_a_market_entry_is_collared_and_never_worth_more_than_a_limit_allows() -> None:
    order = plan(situation())
    assert isinstance(order, OrderPlan)
    assert order.limit_price == D("103.01")
    assert 0 < order.quantity * order.limit_price <= CONFIG.limits.maximum_position_value
    assert (order.stop_loss, order.take_profit) == (CONFIG.limits.stop_loss, CONFIG.limits.take_profit)


def test_a_limit_entry_joins_the_near_side_of_the_spread() -> None:
    order = plan(situation(order_type=OrderType.LIMIT))
    assert isinstance(order, OrderPlan)
    assert order.limit_price == D("100")


def test_without_a_price_there_is_no_order_and_the_reason_is_the_price() -> None:
    assert "no_price" in codes(plan(situation(market=MarketView(bid=None, ask=None, ts_ns=0))))


def test_a_stale_price_is_refused() -> None:
    assert "stale_price" in codes(plan(situation(now_ns=NOW + 4_000_000_000)))


def test_the_quant_block_is_refused_with_its_words() -> None:
    answer = plan(situation(), vetoes=(Reason(code="spread", text="the spread is wide"),))
    assert codes(answer) == ["quant_veto"]


def test_no_free_cash_is_too_small_and_says_what_binds() -> None:
    answer = plan(situation(free_cash=D(0)))
    assert codes(answer) == ["too_small"]
    assert not isinstance(answer, OrderPlan)
    assert "free cash" in answer[0].text


def position(quantity: str = "0.5") -> PositionState:
    return PositionState(
        position_id=7, bot_id=1, instrument_id=1, side=Side.BUY, quantity=D(quantity), entry_price=D(100),
        stop_price=D(98), target_price=None, trailing_stop=D(0), high_water_mark=D(100), realised_pnl=D(0), fees=D(0),
        opened_at_ns=NOW, cost=D(50), opened_quantity=D(quantity),
    )  # fmt: skip


def leave(held: PositionState) -> OrderPlan | tuple[Reason, ...]:
    return plan_exit(
        account_id=1, rules=RULES, position=held, exit_reason=ExitReason.STOP_LOSS, bid=97.0, ask=97.02, slot=NOW,
        now_ns=NOW,
    )  # fmt: skip


def test_an_exit_sells_all_in_whole_lots_at_market_within_the_collar() -> None:
    order = leave(position("0.500004"))
    assert isinstance(order, OrderPlan)
    assert (order.side, order.order_type, order.quantity) == (Side.SELL, OrderType.MARKET, D("0.50000"))
    assert order.limit_price == D("94.10")
    assert order.position_id == 7


def part(quantity: str, close_to: str, reason: ExitReason) -> OrderPlan | tuple[Reason, ...]:
    held = replace(position(quantity), close_requested=True, close_to=D(close_to))
    return plan_exit(
        account_id=1, rules=RULES, position=held, exit_reason=reason, bid=100.0, ask=100.02, slot=NOW, now_ns=NOW
    )


def test_of_a_position_of_which_a_part_is_to_stay_the_rest_is_sold() -> None:
    order = part("0.5", "0.2", ExitReason.MANUAL)
    assert isinstance(order, OrderPlan)
    assert order.quantity == D("0.3")


def test_a_stop_sells_all_whatever_was_to_stay() -> None:
    order = part("0.5", "0.2", ExitReason.STOP_LOSS)
    assert isinstance(order, OrderPlan)
    assert order.quantity == D("0.5")


def test_less_than_a_lot_cannot_be_sold() -> None:
    assert codes(leave(position("0.000001"))) == ["too_small"]


def test_closing_everything_goes_in_slices_of_the_depth_and_a_stop_at_once() -> None:
    held = PositionState(
        position_id=1, bot_id=1, instrument_id=RULES.instrument_id, side=Side.BUY, quantity=D(50), entry_price=D(100),
        stop_price=D(98), target_price=None, trailing_stop=D(0), high_water_mark=D(100), realised_pnl=D(0), fees=D(0),
        opened_at_ns=NOW,
    )  # fmt: skip
    common: dict[str, Any] = {
        "account_id": 1, "rules": RULES, "position": held, "bid": 100.0, "ask": 100.02, "slot": NOW, "now_ns": NOW,
        "depth_quantity": 100.0,
    }  # fmt: skip
    flatten = plan_exit(exit_reason=ExitReason.FLATTEN, **common)
    stop = plan_exit(exit_reason=ExitReason.STOP_LOSS, **common)
    assert isinstance(flatten, OrderPlan)
    assert isinstance(stop, OrderPlan)
    assert (flatten.quantity, stop.quantity) == (D(10), D(50))
    assert flatten.limit_price == stop.limit_price
