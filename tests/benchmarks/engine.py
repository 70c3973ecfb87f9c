"""The engine: a tick until every bot of its symbol has decided, beside the bare numpy blend."""

import asyncio
import logging
import time
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec
import numpy as np
import structlog

from bots.engine.books import AccountBooks, BotBooks
from bots.engine.desk import Desk
from bots.engine.symbol import SymbolWorker
from bots.orders.load import AccountConfig, BotConfig
from bots.trading.limits import DEFAULT_CONTROLS, BotLimits
from bots.trading.records import InstrumentRules, LeaseToken, Restriction
from bots.trading.vocabulary import Ladder, OrderType
from marketdata.events import Event
from quant.blend import DEFAULT_WEIGHTS
from tests.benchmarks import engine_load
from tests.benchmarks.rows import Row, percentile
from tests.unit.quant.market import IDS, SECOND, START, session, walk

BARS = 500
NOW = START + BARS * 60 * SECOND
LIVE_S = 60
BUDGET_MS = {100: 0.3, 1000: 0.5}


class _NoStore:
    """No bot of this benchmark may trade: what a decision costs, not what a database costs."""

    controls = DEFAULT_CONTROLS


class _Counter:
    """Takes what would be written."""

    written = 0

    def add(self, *_: Any, **__: Any) -> None:
        self.written += 1


def run() -> dict[str, Row]:
    # Without Django's logging structlog would print every decision.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    bars = walk(BARS)
    events = session(LIVE_S, start=NOW, price=bars[-1].close)
    rows: dict[str, Row] = {}
    for bots in (100, 1000):
        took, floor_ms = asyncio.run(_ticks_ms(bots, bars, events))
        for q in (50, 99):
            budget = BUDGET_MS[bots] if q == 50 else BUDGET_MS[bots] * 20
            rows[f"engine.tick_to_decision_{bots}_bots_p{q}"] = Row(
                value=percentile(took, q), unit="ms", floor=floor_ms, budget=budget
            )
    return rows | engine_load.run()


async def _ticks_ms(bots: int, bars: Sequence[Any], events: Sequence[Event]) -> tuple[list[float], float]:
    worker = await make_worker(bots, bars)
    took = []
    for event in events:
        before = time.perf_counter_ns()
        await worker.step(event, event.ts_init)
        took.append((time.perf_counter_ns() - before) / 1e6)
        await worker.tell(event.ts_init)
    vector = worker.signals.read(now_ns=events[-1].ts_init)
    gain = vector.quality * np.nan_to_num(vector.values)
    weights = np.ascontiguousarray(worker.seats.weights)
    minimum = worker.seats.minimum_confidence
    floors = []
    for _ in range(500):
        before = time.perf_counter_ns()
        signal = (weights @ gain) / (weights @ vector.quality)
        (np.abs(signal) >= minimum) & (signal > 0.0)
        floors.append((time.perf_counter_ns() - before) / 1e6)
    return took[len(took) // 4 :], percentile(floors, 50)


async def make_worker(bots: int, bars: Sequence[Any]) -> SymbolWorker:
    """A symbol with bots that are asked on every tick and whose minimum confidence is never reached."""
    desk = Desk(store=_NoStore(), decisions=_Counter(), signals=_Counter())  # type: ignore[arg-type]
    worker = SymbolWorker(**IDS, desk=desk)
    worker.signals.warm_up(bars)
    for number in range(1, bots + 1):
        config = bot_config(number)
        account = desk.accounts.setdefault(1, AccountBooks(config=config.account, cash=Decimal(10_000)))
        bot = BotBooks(config=config, token=LeaseToken(bot_id=number, holder="bench", epoch=1), account=account)
        desk.bots[number] = account.bots[number] = bot
        worker.seats.add(bot, config.instruments[0], now_ns=NOW)
    await worker.rebuild()
    return worker


def bot_config(number: int, **changes: Any) -> BotConfig:
    rules = InstrumentRules(
        instrument_id=1,
        **IDS,
        base="BTC",
        quote="USDT",
        tick_size=Decimal("0.01"),
        lot_size=Decimal("0.00001"),
        min_quantity=Decimal("0.00001"),
        max_quantity=Decimal(9000),
        min_notional=Decimal(5),
    )
    account = AccountConfig(
        account_id=1, owner_id=1, exchange=IDS["exchange"], stream_clock=False, mode="paper", quote_asset="USDT",
        maker_fee_bps=Decimal(10), taker_fee_bps=Decimal(10), latency_ms=0,
    )  # fmt: skip
    limits = BotLimits(
        capital=Decimal(2000), maximum_positions=3, maximum_position_value=Decimal(300), maximum_trades_per_day=200,
        minimum_confidence=0.99, stop_loss=Decimal("0.02"), take_profit=Decimal("0.04"), trailing_stop=Decimal(0),
        daily_loss_limit=Decimal("0.03"), weekly_target=None, maximum_drawdown=Decimal("0.1"),
    )  # fmt: skip
    config = BotConfig(
        bot_id=number, owner_id=1, name=f"Bot {number}", state="running", version=1, account=account,
        restriction=Restriction(ladder=Ladder.ACTIVE, scope="bot", reason=""), evaluation="tick", interval_s=45,
        timeframes={"1m": 1.0}, component_weights={str(name): weight for name, weight in DEFAULT_WEIGHTS.items()},
        strategy_weight_balance=None, use_diversification_multiplier=True, validator_enabled=True,
        second_source=False,
        minimum_coverage=0.3, signal_storage="sampled", order_type=OrderType.MARKET, limits=limits,
        instruments=(rules,), session_id=None, session_started_ns=None,
    )  # fmt: skip
    return msgspec.structs.replace(config, **changes)
