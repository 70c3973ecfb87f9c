"""Orders sent to a venue that answers badly, in virtual time: what the follower makes of it, against what is true.

A seed draws whether the request arrived, what its answer was, and which of the venue's windows lie for how long. At
least one of them tells the truth: a venue that hides an order everywhere for ever cannot be told from one without it.
"""

import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from bots.brokers.venue import Answer, Outcome, VenueOrder, VenueTrade
from bots.orders.venue.absence import Look
from bots.orders.venue.following import Ask, Followed
from bots.trading.orders import TERMINAL_STATES
from bots.trading.records import SubmittedOrder
from bots.trading.transitions import transitions
from bots.trading.vocabulary import OrderState, OrderType, Side
from tests.unit.bots.orders.cast import SIGNED_MS, D, an_order, traded

S = OrderState
STEP_MS = 50
LIMIT_MS = 240_000
WINDOWS = ("find", "open", "history", "trades", "balances", "lock", "stream")
ATTEMPTS = 4


@dataclass
class Arrived:
    """An order as it truly stands at the venue."""

    order: SubmittedOrder
    at_ms: int
    state: OrderState
    filled: Decimal
    lies_until_ms: dict[str, int]
    is_told: bool = False

    def hidden(self, window: str, now_ms: int) -> bool:
        return now_ms < self.lies_until_ms.get(window, 0)

    def view(self) -> VenueOrder:
        return VenueOrder(
            venue_order_id=f"v{self.order.order_id.hex[:8]}", client_order_id=self.order.order_id.hex,
            symbol="BTC/USDT", side=self.order.plan.side, state=self.state, quantity=self.order.plan.quantity,
            filled=self.filled, limit_price=D(100),
        )  # fmt: skip

    def trades(self) -> tuple[VenueTrade, ...]:
        if not self.filled:
            return ()
        return (
            traded(self.order, self.order.order_id.hex[:8], self.filled, venue_order_id=self.view().venue_order_id),
        )


@dataclass
class Result:
    attempts: int = 0
    arrivals: int = 0
    absent: int = 0
    false_absent: int = 0
    duplicates: int = 0
    unsettled: int = 0
    lost_fills: int = 0
    found: int = 0
    log: list[str] = field(default_factory=list)


class Venue:
    """What an exchange would do and say, drawn from a seed."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.arrived: dict[str, Arrived] = {}
        self.on_the_way: list[tuple[int, SubmittedOrder]] = []
        starts = [SIGNED_MS + rng.randrange(-5_000, 60_000) for _ in range(rng.randrange(3))]
        self.breaks = [(start, rng.randrange(500, 60_000)) for start in starts]
        self.error_rate = rng.choice((0.0, 0.1, 0.5, 0.9))

    def synced_since(self, now_ms: int) -> int | None:
        ended = [at + length for at, length in self.breaks if at <= now_ms]
        if any(at <= now_ms < at + length for at, length in self.breaks):
            return None
        return max(ended, default=SIGNED_MS - 60_000)

    def place(self, order: SubmittedOrder, now_ms: int) -> Answer:
        rng = self.rng
        kind = rng.choice(("lost", "lost", "late", "cut", "too late", "fine", "refused"))
        if kind == "refused":
            return Answer(outcome=Outcome.REJECTED, code="-1013")
        if kind == "cut":
            return Answer(outcome=Outcome.UNCLEAR, error="cut")
        if kind == "late":
            # Within its window, and the venue took its time after that.
            self.on_the_way.append((order.valid_until_ms - 1 + rng.choice((rng.randrange(10_000), 9_900)), order))
            return Answer(outcome=Outcome.UNCLEAR, error="no answer")
        if kind == "too late":
            return Answer(outcome=Outcome.UNCLEAR, error="paused: it arrived after its window and was refused")
        found = self._arrive(order, now_ms)
        if kind == "fine":
            return Answer(outcome=Outcome.FOUND, order=found.view(), trades=found.trades())
        return Answer(outcome=Outcome.UNCLEAR, error="the answer was lost")

    def step(self, now_ms: int) -> None:
        due = [item for item in self.on_the_way if item[0] <= now_ms]
        self.on_the_way = [item for item in self.on_the_way if item[0] > now_ms]
        for _, order in due:
            self._arrive(order, now_ms)

    def _arrive(self, order: SubmittedOrder, now_ms: int) -> Arrived:
        rng = self.rng
        is_market = order.plan.order_type is OrderType.MARKET
        filled = rng.choice((D(0), D("0.2"), order.plan.quantity))
        state = (
            S.FILLED if filled == order.plan.quantity else S.EXPIRED if is_market else S.PARTIAL if filled else S.OPEN
        )
        # What can show that such an order is there at all.
        showing = {"find", "history", "stream"}
        showing |= {"open", "lock"} if state in (S.OPEN, S.PARTIAL) else set()
        showing |= {"trades", "balances"} if filled else set()
        honest = set(rng.sample(sorted(showing), rng.choice((1, 1, 1, 2, len(showing)))))
        lies = {name: now_ms + rng.choice((30_000, 400_000)) for name in WINDOWS if name not in honest}
        # What is shown at all is shown a little later.
        lies |= {name: now_ms + rng.choice((0, 0, 2_500)) for name in honest}
        self.arrived[order.order_id.hex] = found = Arrived(order, now_ms, state, filled, lies)
        return found


def run(seed: int, *, judge: Callable[..., Any] | None = None) -> Result:
    """Send one intent until an attempt is settled as anything but absent; at most ATTEMPTS times."""
    rng = random.Random(seed)
    venue, result = Venue(rng), Result()
    now_ms = SIGNED_MS
    for _ in range(ATTEMPTS):
        order = an_order(
            order_id=uuid.UUID(int=rng.getrandbits(128)), side=rng.choice((Side.BUY, Side.SELL)),
            order_type=rng.choice((OrderType.MARKET, OrderType.LIMIT)), sign_ts_ms=now_ms, valid_until_ms=now_ms + 2_000,
        )  # fmt: skip
        result.attempts += 1
        now_ms, state = _follow(venue, order, now_ms, result)
        if state is not S.ABSENT:
            break
        result.absent += 1
        waiting = any(pending.order_id == order.order_id for _, pending in venue.on_the_way)
        if order.order_id.hex in venue.arrived or waiting:
            result.false_absent += 1
    venue.step(now_ms + 60_000)
    result.arrivals = len(venue.arrived)
    result.duplicates = max(0, result.arrivals - 1)
    return result


def _follow(venue: Venue, order: SubmittedOrder, now_ms: int, result: Result) -> tuple[int, OrderState]:
    followed = Followed(order)
    _record(followed, followed.placed(venue.place(order, now_ms), now_ms), now_ms)
    # A limit order that rests is settled: everybody knows of it.
    end_ms = now_ms + LIMIT_MS
    while now_ms < end_ms and not followed.is_done and followed.state not in (S.OPEN, S.PARTIAL):
        now_ms += STEP_MS
        venue.step(now_ms)
        arrived = venue.arrived.get(order.order_id.hex)
        is_up = venue.synced_since(now_ms) is not None
        if is_up and arrived is not None and not arrived.is_told and not arrived.hidden("stream", now_ms):
            arrived.is_told = True
            _record(followed, followed.heard(arrived.view(), now_ms), now_ms)
            for trade in arrived.trades():
                _record(followed, followed.heard(trade, now_ms), now_ms)
        ask = followed.due(now_ms)
        if ask is None:
            continue
        followed.asked()
        began_ms, now_ms = now_ms, now_ms + venue.rng.randrange(1, 300)
        venue.step(now_ms)
        arrived = venue.arrived.get(order.order_id.hex)
        _record(followed, _ask(venue, followed, ask, arrived, began_ms, now_ms), now_ms)
    if followed.state is S.UNKNOWN:
        result.unsettled += 1
    elif followed.state is not S.ABSENT:
        result.found += 1
    truth = venue.arrived.get(order.order_id.hex)
    if truth is not None and followed.state in TERMINAL_STATES - {S.ABSENT} and followed._known != truth.filled:
        result.lost_fills += 1
    return now_ms, followed.state


def _ask(venue: Venue, followed: Followed, ask: Ask, arrived: Arrived | None, began_ms: int, now_ms: int) -> list[Any]:
    if venue.rng.random() < venue.error_rate:
        return followed.failed(now_ms)
    if ask is Ask.FIND:
        if arrived is None or arrived.hidden("find", now_ms):
            return followed.found(Answer(outcome=Outcome.NOT_FOUND), now_ms)
        return followed.found(Answer(outcome=Outcome.FOUND, order=arrived.view()), now_ms)
    if ask is Ask.TRADES:
        hidden = arrived is None or arrived.hidden("trades", now_ms)
        return followed.traded(() if hidden else arrived.trades(), now_ms)
    if ask is Ask.CANCEL:
        return followed.failed(now_ms)
    sign, base, locked, strays = followed.order.plan.side.sign, D(0), False, 0
    in_open = in_history = False
    since = venue.synced_since(began_ms)
    if arrived is not None and arrived.at_ms <= began_ms:
        is_live = arrived.state in (S.OPEN, S.PARTIAL)
        in_open = is_live and not arrived.hidden("open", now_ms)
        in_history = not arrived.hidden("history", now_ms)
        # The venue's list of trades names its own order id only, which nobody here knows yet.
        strays = 0 if arrived.hidden("trades", now_ms) else len(arrived.trades())
        base = D(0) if arrived.hidden("balances", now_ms) else sign * arrived.filled
        locked = is_live and not arrived.hidden("lock", now_ms)
    look = Look(
        began_ms=began_ms, ended_ms=now_ms, synced_since_ms=since if since == venue.synced_since(now_ms) else None,
        in_open=in_open, in_history=in_history, strays=strays, base_delta=base, is_locked=locked,
    )  # fmt: skip
    return followed.looked(look, None, (), now_ms)


def _record(followed: Followed, reports: list[Any], now_ms: int) -> None:
    for report in reports:
        fresh = [fill for fill in report.fills if fill.trade_id not in followed._booked]
        total = sum(followed._booked.values(), D(0)) + sum((fill.quantity for fill in fresh), D(0))
        path = transitions(
            followed.state, report.state, new_fills=bool(fresh), has_fills=total > 0,
            complete=total == followed.order.plan.quantity,
        )  # fmt: skip
        state = path[-1] if path else followed.state
        followed.recorded(state, [fill.trade_id for fill in report.fills], now_ms=now_ms)
