"""Laws of positions: whatever the fills, cash changes by realised PnL less fees, to the last decimal."""

import random
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.trading.fills import fill_effect, opening_legs
from bots.trading.money import ZERO
from bots.trading.positions import (
    ExceedsPosition,
    Protection,
    close,
    enter,
    exit_due,
    is_dust,
    leave,
    unrealised_pnl,
    update_stops,
)
from bots.trading.records import PositionState, VenueFill
from bots.trading.vocabulary import ExitReason, Side
from tests.unit.bots.trading.cast import RULES, fill

D = Decimal
PROTECTION = Protection(stop_loss=D("0.02"), take_profit=D("0.04"), trailing_stop=ZERO)
TRAILING = Protection(stop_loss=D("0.02"), take_profit=ZERO, trailing_stop=D("0.01"))

prices = st.decimals(min_value="0.01", max_value="99999", places=2)
sizes = st.decimals(min_value="0.001", max_value="50", places=3)
fee_rates = st.sampled_from([D(0), D("0.001"), D("0.00075"), D("0.01")])
sides = st.sampled_from(list(Side))


def enter_with(
    position: PositionState | None, side: Side, got: VenueFill, protection: Protection = PROTECTION
) -> PositionState:
    effect = fill_effect(rules=RULES, side=side, fill=got)
    return enter(
        position, position_id=1, bot_id=1, instrument_id=1, side=side, fill=got, effect=effect, protection=protection
    )


def leave_with(position: PositionState, got: VenueFill) -> PositionState:
    return leave(position, fill=got, effect=fill_effect(rules=RULES, side=position.side.opposite, fill=got))


def test_a_stop_and_target_that_a_person_set_stay_where_more_is_bought() -> None:
    position = enter_with(None, Side.BUY, fill(D(1), D(100)))
    edited = msgspec.structs.replace(position, stop_price=D(90), target_price=None, revision=1)
    more = enter_with(edited, Side.BUY, fill(D(1), D(110)))
    assert (more.entry_price, more.stop_price, more.target_price) == (D(105), D(90), None)


def test_buying_then_selling_the_same_leaves_nothing() -> None:
    position = enter_with(None, Side.BUY, fill(D(2), D(100)))
    flat = leave_with(position, fill(D(2), D(110)))
    assert (flat.quantity, flat.cost, flat.realised_pnl) == (D(0), D(0), D(20))
    assert close(flat, exit_reason=ExitReason.SIGNAL, closed_at_ns=9).net_pnl == 20


def test_a_fee_in_base_shrinks_what_is_held() -> None:
    position = enter_with(None, Side.BUY, fill(D(1), D(100), fee=D("0.001"), asset="BTC"))
    assert (position.quantity, position.cost, position.fees) == (D("0.999"), D("99.9"), D("0.1"))


def test_adding_averages_the_entry_and_moves_stop_and_target() -> None:
    position = enter_with(None, Side.BUY, fill(D(1), D(100)))
    position = enter_with(position, Side.BUY, fill(D(3), D(104)))
    assert position.entry_price == 103
    assert (position.stop_price, position.target_price) == (D("100.94"), D("107.12"))


def test_more_than_is_held_cannot_leave() -> None:
    position = enter_with(None, Side.BUY, fill(D(2), D(100)))
    with pytest.raises(ExceedsPosition):
        leave_with(position, fill(D(3), D(100)))


def test_an_entry_of_the_other_side_is_refused() -> None:
    position = enter_with(None, Side.BUY, fill(D(2), D(100)))
    with pytest.raises(ValueError, match="cannot add"):
        enter_with(position, Side.SELL, fill(D(1), D(100)))


def test_an_impossible_fill_is_refused() -> None:
    with pytest.raises(ValueError, match="impossible"):
        fill_effect(rules=RULES, side=Side.BUY, fill=fill(D(0), D(100)))


def test_what_is_below_a_lot_is_dust() -> None:
    position = enter_with(None, Side.BUY, fill(D("0.001"), D(100), fee=D("0.000001"), asset="BTC"))
    assert is_dust(position, RULES)


@given(
    side=sides,
    entries=st.lists(
        st.tuples(sizes, prices, fee_rates, st.sampled_from(["received", "USDT", "BNB"])), min_size=1, max_size=6
    ),
    exits=st.lists(st.tuples(st.integers(1, 100), prices, fee_rates), max_size=6),
)
def test_cash_changes_by_realised_pnl_less_fees(side: Side, entries: list, exits: list) -> None:
    cash, base, position = ZERO, ZERO, None
    for number, (size, price, rate, kind) in enumerate(entries):
        received = size if side is Side.BUY else size * price
        asset = ("BTC" if side is Side.BUY else "USDT") if kind == "received" else kind
        fee = received * rate if kind == "received" else size * price * rate
        got = fill(size, price, fee=fee, asset=asset, number=number)
        effect = fill_effect(rules=RULES, side=side, fill=got)
        cash, base = cash + effect.wallet.get("USDT", ZERO), base + effect.wallet.get("BTC", ZERO)
        position = enter_with(position, side, got)
    assert position is not None
    for number, (percent, price, rate) in enumerate(exits):
        size = (position.quantity * percent / 200).quantize(D("0.001"))
        if size <= 0:
            continue
        got = fill(size, price, fee=size * price * rate, asset="USDT", number=100 + number)
        effect = fill_effect(rules=RULES, side=side.opposite, fill=got)
        cash, base = cash + effect.wallet.get("USDT", ZERO), base + effect.wallet.get("BTC", ZERO)
        position = leave_with(position, got)
    assert base == side.sign * position.quantity
    assert cash == position.realised_pnl - position.fees - side.sign * position.cost
    closed = close(position, exit_reason=ExitReason.SIGNAL, closed_at_ns=1)
    assert cash == closed.net_pnl
    assert closed.dust == position.quantity


@given(side=sides, size=sizes, price=prices, rate=fee_rates, asset=st.sampled_from(["BTC", "USDT", "BNB"]))
def test_every_journal_entry_is_zero_for_each_asset(
    side: Side, size: Decimal, price: Decimal, rate: Decimal, asset: str
) -> None:
    effect = fill_effect(rules=RULES, side=side, fill=fill(size, price, fee=size * rate, asset=asset))
    sums: dict[str, Decimal] = {}
    for leg in effect.legs:
        sums[leg.asset] = sums.get(leg.asset, ZERO) + leg.amount
    assert set(sums.values()) == {ZERO}
    wallet: dict[str, Decimal] = {}
    for leg in effect.legs:
        if leg.book == "wallet":
            wallet[leg.asset] = wallet.get(leg.asset, ZERO) + leg.amount
    assert {name: amount for name, amount in wallet.items() if amount} == effect.wallet


def test_an_account_opened_with_nothing_has_no_entry() -> None:
    assert opening_legs(asset="USDT", amount=ZERO) == ()
    assert sum(leg.amount for leg in opening_legs(asset="USDT", amount=D(5))) == 0


def test_ten_thousand_random_fills_drift_by_nothing() -> None:
    rng = random.Random(3)
    cash, base, results, position = ZERO, ZERO, ZERO, None
    for number in range(10_000):
        price = D(rng.randint(1, 10_000_000)) / 100
        if position is not None and rng.random() < 0.5:
            lots = int(position.quantity / D("0.001"))
            if not lots:
                closed = close(position, exit_reason=ExitReason.DUST, closed_at_ns=number)
                results, base, position = results + closed.net_pnl, base - closed.dust, None
                continue
            size = D(rng.randint(1, lots)) / 1000
            got = fill(size, price, fee=size * price * D("0.00075"), number=number)
            effect = fill_effect(rules=RULES, side=Side.SELL, fill=got)
            position = leave_with(position, got)
        else:
            size = D(rng.randint(1, 5000)) / 1000
            got = fill(size, price, fee=size * D("0.00075"), asset="BTC", number=number)
            effect = fill_effect(rules=RULES, side=Side.BUY, fill=got)
            position = enter_with(position, Side.BUY, got)
        cash += effect.wallet.get("USDT", ZERO)
        base += effect.wallet.get("BTC", ZERO)
    open_part = position.realised_pnl - position.fees - position.cost if position else ZERO
    assert cash == results + open_part
    assert base == (position.quantity if position else ZERO)


def test_the_stop_is_reached_at_the_bid_of_a_long_and_the_ask_of_a_short() -> None:
    long = enter_with(None, Side.BUY, fill(D(1), D(100)))
    assert exit_due(long, bid=D("98.01"), ask=D(99)) is None
    assert exit_due(long, bid=D(98), ask=D(99)) is ExitReason.STOP_LOSS
    assert exit_due(long, bid=D(104), ask=D(105)) is ExitReason.TAKE_PROFIT
    short = enter_with(None, Side.SELL, fill(D(1), D(100)))
    assert exit_due(short, bid=D(101), ask=D(102)) is ExitReason.STOP_LOSS
    assert exit_due(short, bid=D(95), ask=D(96)) is ExitReason.TAKE_PROFIT


def test_a_trailing_stop_follows_the_best_price_and_says_so() -> None:
    position = enter_with(None, Side.BUY, fill(D(1), D(100)), TRAILING)
    assert position.stop_price == 99
    risen = update_stops(position, D(110))
    assert (risen.high_water_mark, risen.stop_price) == (D(110), D("108.9"))
    assert update_stops(risen, D(105)) is risen
    assert exit_due(risen, bid=D("108.9"), ask=D(109)) is ExitReason.TRAILING_STOP


@given(side=sides, path=st.lists(prices, max_size=30))
def test_stops_only_ever_tighten(side: Side, path: list[Decimal]) -> None:
    position = enter_with(None, side, fill(D(1), D(1000)), TRAILING)
    for price in path:
        moved = update_stops(position, price)
        assert side.sign * (moved.stop_price - position.stop_price) >= 0
        position = moved


@given(entry=prices, now=prices, size=sizes)
def test_long_and_short_mirror_each_other(entry: Decimal, now: Decimal, size: Decimal) -> None:
    long = enter_with(None, Side.BUY, fill(size, entry))
    short = enter_with(None, Side.SELL, fill(size, entry))
    assert unrealised_pnl(long, now) == -unrealised_pnl(short, now)
    assert msgspec.structs.replace(long, side=Side.SELL).cost == short.cost
