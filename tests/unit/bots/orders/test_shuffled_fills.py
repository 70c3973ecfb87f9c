"""Ten thousand orders whose messages come late, twice, in any order or not at all: the books end as the venue's."""

import random
from typing import Any

from bots.brokers.venue import Answer, Outcome, VenueOrder, VenueTrade
from bots.orders.venue.following import Ask, Followed
from bots.trading.orders import TERMINAL_STATES
from bots.trading.transitions import transitions
from bots.trading.vocabulary import OrderState, OrderType
from tests.unit.bots.orders.cast import SIGNED_MS, D, an_order, seen, traded

S = OrderState
CASES = 10_000


class Books:
    """What the order path would have: fills once each, states along legal edges only."""

    def __init__(self, followed: Followed) -> None:
        self.followed, self.state, self.fills = followed, followed.state, dict[str, Any]()

    def take(self, reports: list[Any], now_ms: int) -> None:
        for report in reports:
            fresh = {fill.trade_id: fill.quantity for fill in report.fills if fill.trade_id not in self.fills}
            self.fills |= fresh
            path = transitions(
                self.state, report.state, new_fills=bool(fresh), has_fills=bool(self.fills),
                complete=self.filled == self.followed.order.plan.quantity,
            )  # fmt: skip
            self.state = path[-1] if path else self.state
            self.followed.recorded(self.state, [fill.trade_id for fill in report.fills], now_ms=now_ms)

    @property
    def filled(self) -> Any:
        return sum(self.fills.values(), D(0))


def told_of(followed: Followed, rng: random.Random) -> tuple[VenueOrder, list[VenueTrade], list[Any]]:
    """How the order truly ended, its trades, and the messages about it as they happened."""
    order = followed.order
    sizes = [D(rng.randrange(1, 10)) / 100 for _ in range(rng.randrange(5))]
    total = sum(sizes, D(0))
    ending = rng.choice((S.CANCELED, S.EXPIRED)) if total < order.plan.quantity else S.FILLED
    trades = [traded(order, f"t{number}", size) for number, size in enumerate(sizes)]
    messages: list[Any] = [seen(order, S.OPEN)]
    filled = D(0)
    for trade in trades:
        filled += trade.fill.quantity
        messages += [trade, seen(order, S.FILLED if filled == order.plan.quantity else S.PARTIAL, filled)]
    end = seen(order, ending, filled)
    return end, trades, [*messages, end]


def run(seed: int) -> tuple[Books, VenueOrder, list[VenueTrade]]:
    rng = random.Random(seed)
    kind = rng.choice((OrderType.MARKET, OrderType.LIMIT))
    followed = Followed(an_order(order_type=kind, quantity=D(rng.choice(("0.05", "0.1", "0.5")))))
    end, trades, messages = told_of(followed, rng)
    while sum((trade.fill.quantity for trade in trades), D(0)) > followed.order.plan.quantity:
        end, trades, messages = told_of(followed, rng)
    heard = [message for message in messages if rng.random() > 0.3 for _ in range(rng.choice((1, 1, 2, 3)))]
    if rng.random() < 0.7:
        rng.shuffle(heard)
    books, now_ms = Books(followed), SIGNED_MS
    place_at = rng.randrange(len(heard) + 1)
    for number in range(len(heard) + 1):
        if number == place_at:
            books.take(followed.placed(Answer(outcome=Outcome.UNCLEAR), now_ms), now_ms)
        if number < len(heard):
            now_ms += rng.randrange(500)
            books.take(followed.heard(heard[number], now_ms), now_ms)
    # Whatever was heard, what is asked for in the end is the truth.
    for _ in range(100):
        now_ms += 31_000
        ask = followed.due(now_ms)
        if ask is None:
            if followed.is_done or followed.state in TERMINAL_STATES:
                break
            ask = Ask.FIND
        followed.asked()
        if ask is Ask.TRADES:
            books.take(followed.traded(trades, now_ms), now_ms)
        elif ask is Ask.FIND:
            books.take(followed.found(Answer(outcome=Outcome.FOUND, order=end), now_ms), now_ms)
        else:
            books.take(followed.failed(now_ms), now_ms)
    return books, end, trades


def test_fills_are_booked_once_and_orders_end_as_the_venue_has_them():
    for seed in range(CASES):
        books, end, trades = run(seed)
        assert books.fills == {trade.fill.trade_id: trade.fill.quantity for trade in trades}, f"seed {seed}"
        assert books.filled == end.filled, f"seed {seed}"
        assert books.state in TERMINAL_STATES, f"seed {seed}: {books.state}"
        assert (books.state is S.FILLED) == (end.state is S.FILLED), f"seed {seed}: {books.state}, {end.state}"


def test_an_end_that_did_not_wait_for_its_trades_would_lose_fills(monkeypatch):
    monkeypatch.setattr(Followed, "awaits_trades", property(lambda followed: False))
    found = (run(seed) for seed in range(CASES))
    assert any(len(books.fills) < len(trades) for books, _, trades in found)
