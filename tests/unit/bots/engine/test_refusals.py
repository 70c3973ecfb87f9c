"""What follows a gate's refusal."""

from decimal import Decimal
from typing import Any

import msgspec

from bots.engine.books import Held
from bots.trading.limits import DEFAULT_CONTROLS
from bots.trading.records import DecisionRecord, Denied, LeaseToken, OrderPlan, PositionState, Reason
from bots.trading.vocabulary import Side
from quant.blend import blend
from tests.benchmarks.engine import BARS, NOW, make_worker
from tests.unit.quant.market import SECOND, session, walk

D = Decimal
LIVE_S = 20


class ClosedGate:
    """Refuses every order, and remembers when it was asked."""

    controls = DEFAULT_CONTROLS

    def __init__(self) -> None:
        self.asked_ns: list[int] = []

    async def submit(self, plan: OrderPlan, decision: DecisionRecord, lease: LeaseToken, now_ns: int) -> Denied:
        self.asked_ns.append(now_ns)
        return Denied(decision_id=decision.id, reasons=(Reason(code="lease", text="the lease is short"),))


def against(signal: float, rules: Any) -> Held:
    """A position that the signal speaks against, with stops far away."""
    is_long = signal < 0
    position = PositionState(
        position_id=7, bot_id=1, instrument_id=rules.instrument_id, side=Side.BUY if is_long else Side.SELL,
        quantity=D(1), entry_price=D(100), stop_price=D(1) if is_long else D(1_000_000), target_price=None,
        trailing_stop=D(0), high_water_mark=D(100), realised_pnl=D(0), fees=D(0), opened_at_ns=NOW, cost=D(100),
        opened_quantity=D(1),
    )  # fmt: skip
    return Held(position=position, rules=rules, mark=D(100))


async def test_an_exit_that_the_gate_refused_is_not_tried_again_on_the_next_tick() -> None:
    worker = await make_worker(1, walk(BARS))
    gate, desk = ClosedGate(), worker._desk
    desk.store = gate  # type: ignore[assignment]
    bot, rules = desk.bots[1], worker.seats.seats[0].rules
    limits = msgspec.structs.replace(bot.config.limits, minimum_confidence=0.0)
    bot.config = msgspec.structs.replace(bot.config, limits=limits, validator_enabled=False)
    events = session(LIVE_S, start=NOW, price=walk(BARS)[-1].close)
    for event in events[: len(events) // 2]:
        worker.signals.update(event)
    vector = worker.signals.read(now_ns=events[len(events) // 2].ts_init)
    blended = blend(worker.seats.weights, vector, use_multiplier=worker.seats.use_multiplier)
    bot.positions[rules.instrument_id] = against(float(blended.signal[0]), rules)
    await worker.rebuild()
    for event in events[len(events) // 2 :]:
        await worker.step(event, event.ts_init)
    assert gate.asked_ns, "the exit was never tried"
    waits = [after - before for before, after in zip(gate.asked_ns, gate.asked_ns[1:], strict=False)]
    assert all(wait >= SECOND // 5 for wait in waits), waits
