"""One seed: a bot enters, cancels and leaves; its engine dies or sleeps again and again; then all must agree."""

import asyncio
import random
import uuid
from collections import Counter
from dataclasses import dataclass, field
from decimal import ROUND_DOWN, Decimal
from typing import Any

import psycopg
from psycopg import AsyncConnection

from bots.engine.books import Held
from bots.trading.records import DecisionRecord, InstrumentRules, OrderPlan, SubmittedOrder
from bots.trading.vocabulary import Action, ExitReason, OrderType, Purpose, Side, Trigger, Verdict
from marketdata.events import BookSnapshot, TradeTick
from tests.chaos.simulation.database import Database
from tests.chaos.simulation.exchange import PRICE, Exchange
from tests.chaos.simulation.fate import AIMS, Fate
from tests.chaos.simulation.process import Process
from tests.chaos.simulation.virtual import VirtualLoop, run_in, virtual_time

D = Decimal
NS = 1_000_000_000
VALUE = D(250)
STEPS = 10
# Plans in turn are a minute apart: none of them is too soon after another.
SLOT_NS = 61 * NS
QUIET_S = 600.0

EXPIRE = "UPDATE bots_botlease SET expires_at = clock_timestamp() - interval '1 s' WHERE bot_id = %s"
# A person looks, and lets a halted bot go on.
RESUME = "UPDATE bots_bot SET state = 'running' WHERE id = %s AND state = 'error'"
UNSETTLED = """
SELECT id, state FROM bots_order WHERE account_id = %s AND state IN ('planned', 'sending', 'unknown')
"""
ORDERS = "SELECT id, intent_id, state, filled_quantity, venue_order_id FROM bots_order WHERE account_id = %s"
TRADES = """
SELECT trade_id FROM bots_fill WHERE account_id = %(id)s
UNION ALL SELECT trade_id FROM bots_externalfill WHERE account_id = %(id)s
"""
BALANCES = "SELECT asset, total FROM bots_balance WHERE account_id = %s"


@dataclass(kw_only=True)
class Ground:
    """The rows of one life, made before it. `is_paper`: there is no venue but our own books."""

    account_id: int
    bot_id: int
    instruments: list[InstrumentRules]
    is_paper: bool


@dataclass(kw_only=True)
class Life:
    """What happened, and what was wrong."""

    seed: int
    counts: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)


def live(seed: int, ground: Ground, *, began_ns: int) -> Life:
    """Raises nothing for what a life does wrong: it is in `problems`."""
    life = Life(seed=seed)
    with virtual_time(began_ns) as loop:
        run_in(loop, _Run(seed, ground, life, loop).run())
    return life


class _Run:
    def __init__(self, seed: int, ground: Ground, life: Life, loop: VirtualLoop) -> None:
        self.rng = random.Random(seed)
        self.ground, self.life, self.loop = ground, life, loop
        self.database = Database()
        self.exchange = None if ground.is_paper else Exchange(random.Random(seed + 1), loop)
        self.steps_left = STEPS
        self.slot = 0
        self.deaths_left = self.rng.choice((1, 1, 2, 3, 5))
        self.cuts = self.rng.choice((0.0, 0.0, 0.02, 0.1))
        self.zombies: list[Process] = []

    async def run(self) -> None:
        number = 0
        try:
            while self.steps_left or number == 0:
                number += 1
                await self._one_process(number)
            await self._rest(number + 1)
        finally:
            for process in self.zombies:
                await process.end()
            if self.exchange is not None:
                self.exchange.close()
            await self.database.close()
        self._judge()
        self.life.counts["processes"] += number + 1

    # --- Processes --------------------------------------------------------------------------------------------

    async def _one_process(self, number: int) -> None:
        """Runs until it dies, sleeps, or there is nothing more to do."""
        fate = self._fate()
        process = self._process(number, fate)
        script = asyncio.ensure_future(self._script(process))
        ends = {asyncio.ensure_future(fate.died.wait()), asyncio.ensure_future(fate.paused.wait())}
        await asyncio.wait({script, *ends}, return_when=asyncio.FIRST_COMPLETED)
        for end in ends:
            end.cancel()
        if fate.is_paused:
            # Its lease ends while it sleeps; it wakes beside its successor and sends what it was about to send.
            self.zombies.append(process)
            process._tasks.append(script)
            await asyncio.sleep(self.rng.uniform(5, 20))
            self.loop.call_later(self.rng.expovariate(1 / 10), fate.resume)
        else:
            script.cancel()
            (ended,) = await asyncio.gather(script, return_exceptions=True)
            if isinstance(ended, Exception):
                raise ended
            await process.end()
            # The gate demands that a lease lasts five seconds more.
            await asyncio.sleep(self.rng.uniform(5, 20))
        await self._expire()

    def _fate(self) -> Fate:
        if not self.deaths_left:
            return Fate(self.rng, self.life.counts, cuts=self.cuts)
        self.deaths_left -= 1
        fate = Fate(
            self.rng, self.life.counts, cuts=self.cuts,
            dies_at=1 + int(self.rng.expovariate(1 / 60)),
            aim=self.rng.choice(AIMS) if self.rng.random() < 0.6 else "",
        )  # fmt: skip
        if not self.ground.is_paper and self.rng.random() < 0.2:
            fate.may_pause, fate._dies_at, fate._aim = True, 0, ""
        return fate

    def _process(self, number: int, fate: Fate) -> Process:
        return Process(
            self.database, fate, holder=f"engine-{number}", bot_id=self.ground.bot_id, exchange=self.exchange,
            now=self.loop.time_ns,
        )  # fmt: skip

    async def _expire(self) -> None:
        async with self.database.transaction() as connection:
            await connection.execute(EXPIRE, [self.ground.bot_id])
            resumed = await connection.execute(RESUME, [self.ground.bot_id])
            self.life.counts["bots halted"] += resumed.rowcount

    # --- What the bot does ------------------------------------------------------------------------------------

    async def _script(self, process: Process) -> None:
        await self._beginning(process)
        await self._ready(process)
        while self.steps_left:
            self.steps_left -= 1
            await self._step(process)
            await self._pass(process, self.rng.choice((0.0, 0.05, 0.5, 3.0, 20.0)))

    async def _beginning(self, process: Process) -> None:
        for _ in range(20):
            try:
                await process.begin()
                return
            except psycopg.OperationalError:
                # The engine's own answer to a database that is away at its start: it ends, and is started again.
                await self._expire()
        raise AssertionError("the database was cut twenty times in a row")

    async def _ready(self, process: Process) -> None:
        for _ in range(600):
            if self.ground.is_paper or (process.desk is not None and not process.desk.trouble):
                return
            await asyncio.sleep(0.5)

    async def _pass(self, process: Process, seconds: float) -> None:
        """Time goes by; on paper, the market moves."""
        if self.ground.is_paper:
            await self._market(process)
        await asyncio.sleep(seconds)
        await process.settle()

    async def _step(self, process: Process) -> None:
        rng, bot = self.rng, process.bot
        await process.settle()
        orders = [order for order in bot.orders.values() if not order.cancel_requested]
        if orders and rng.random() < 0.4:
            await process.execution.cancel(bot, rng.choice(orders), self.loop.time_ns())
            self.life.counts["cancels"] += 1
            return
        rules = rng.choice(self.ground.instruments)
        held = bot.positions.get(rules.instrument_id)
        plan = self._entry(rules) if held is None else self._exit(held)
        await self._send(process, plan)

    async def _send(self, process: Process, plan: OrderPlan) -> None:
        times = 2 if self.rng.random() < 0.05 else 1
        for _ in range(times):
            answer = await process.execution.send(process.bot, plan, decision_of(plan), self.loop.time_ns())
            if isinstance(answer, SubmittedOrder):
                self.life.counts[f"{plan.purpose} orders"] += 1
            else:
                self.life.counts.update(f"refused: {reason.code}" for reason in answer)

    def _entry(self, rules: InstrumentRules) -> OrderPlan:
        is_market = self.rng.random() < 0.7
        price = (PRICE * (D("1.02") if is_market else D("0.99"))).quantize(rules.tick_size)
        quantity = (VALUE / price).quantize(rules.lot_size, rounding=ROUND_DOWN)
        return self._plan(rules, Side.BUY, Purpose.ENTRY, quantity, price, is_market=is_market)

    def _exit(self, held: Held) -> OrderPlan:
        rules, is_market = held.rules, self.rng.random() < 0.7
        price = (PRICE * (D("0.98") if is_market else D("1.01"))).quantize(rules.tick_size)
        quantity = held.position.quantity.quantize(rules.lot_size, rounding=ROUND_DOWN)
        return self._plan(
            rules, Side.SELL, Purpose.EXIT, max(quantity, rules.lot_size), price, is_market=is_market,
            position_id=held.position.position_id, exit_reason=ExitReason.STOP_LOSS,
        )  # fmt: skip

    def _plan(
        self,
        rules: InstrumentRules,
        side: Side,
        purpose: Purpose,
        quantity: D,
        price: D,
        *,
        is_market: bool,
        **more: Any,
    ) -> OrderPlan:
        # A decision made again after a restart, for the same moment of the market, has the same slot.
        self.slot += self.rng.random() > 0.1
        return OrderPlan(
            bot_id=self.ground.bot_id, account_id=self.ground.account_id, rules=rules, side=side, purpose=purpose,
            order_type=OrderType.MARKET if is_market else OrderType.LIMIT, quantity=quantity, limit_price=price,
            slot=self.slot, decided_at_ns=self.loop.time_ns() + self.slot * SLOT_NS, stop_loss=D("0.02"),
            take_profit=D("0.04"), **more,
        )  # fmt: skip

    async def _market(self, process: Process) -> None:
        now_ns = self.loop.time_ns()
        for rules in self.ground.instruments:
            move = self.rng.choice((-1_500.0, 0.0, 0.0, 1_500.0))
            price, size = float(PRICE) + move, self.rng.choice((0.001, 0.01, 5.0))
            names = {"exchange": rules.exchange, "symbol": rules.symbol, "ts_event": now_ns, "ts_init": now_ns}
            book = BookSnapshot(bids=((price - 5, size),), asks=((price + 5, size),), update_id=now_ns, **names)
            tick = TradeTick(price=price, size=size, buyer_is_maker=True, trade_id=now_ns, **names)
            await process.execution.on_event(book, now_ns)
            await process.execution.on_event(tick, now_ns)
        await process.execution.on_time(now_ns)

    # --- The end ----------------------------------------------------------------------------------------------

    async def _rest(self, number: int) -> None:
        """Nothing goes wrong any more: all is settled, and what rests is cancelled."""
        self.cuts = 0.0
        if self.exchange is not None:
            self.exchange.is_calm = True
        for process in self.zombies:
            process.fate.resume()
        process = self._process(number, Fate(self.rng, self.life.counts))
        await process.begin()
        try:
            await self._settle_all(process)
        finally:
            await process.end()

    async def _settle_all(self, process: Process) -> None:
        ends_s = self.loop.time() + QUIET_S
        differing: list[str] = ["not looked yet"]
        while differing and self.loop.time() < ends_s:
            for order in [order for order in process.bot.orders.values() if not order.cancel_requested]:
                await process.execution.cancel(process.bot, order, self.loop.time_ns())
            await self._pass(process, 5.0)
            differing = await self._differing(process)
        self.life.problems += differing
        self.life.counts["positions left"] += len(process.bot.positions)

    async def _differing(self, process: Process) -> list[str]:
        """What is not yet, or not, as it must be when all is quiet: I8, and nothing without an end."""
        account_id = self.ground.account_id
        async with self.database.transaction() as connection:
            waiting = await _rows(connection, UNSETTLED, [account_id])
            orders = await _rows(connection, ORDERS, [account_id])
            trades = {row.trade_id for row in await _rows(connection, TRADES, {"id": account_id})}
            balances = {row.asset: row.total for row in await _rows(connection, BALANCES, [account_id]) if row.total}
        found = [f"order {row.id} is still {row.state}" for row in waiting]
        found += [f"the engine still holds order {order}" for order in process.bot.orders]
        if self.exchange is None:
            return found
        theirs = {asset: total for asset, total in self.exchange.balances.items() if total}
        if balances != theirs:
            found.append(f"balances: ours {balances}, the venue's {theirs}")
        true_trades = {trade.fill.trade_id for row in self.exchange.rows.values() for trade in row.trades}
        if trades != true_trades:
            found.append(f"trades: only here {trades - true_trades}, only at the venue {true_trades - trades}")
        ours = {row.id.hex: row for row in orders}
        for name, row in self.exchange.rows.items():
            mine = ours.get(name)
            if mine is None:
                found.append(f"order {name} is at the venue and not in the books")
            elif (mine.state, mine.filled_quantity) != (row.state.value, row.filled):
                found.append(
                    f"order {name}: {mine.state} {mine.filled_quantity}, at the venue {row.state} {row.filled}"
                )
        return found

    def _judge(self) -> None:
        exchange, problems = self.exchange, self.life.problems
        if exchange is None:
            return
        self.life.counts.update(exchange.counts)
        self.life.counts["venue orders"] += len(exchange.rows)
        problems += [f"order {name} was received {n} times" for name, n in exchange.received.items() if n > 1]
        problems += [
            f"order {name} of a process that had lost its lease was accepted" for name in exchange.stale_accepted
        ]
        intents = Counter(row.order.intent_id for row in exchange.rows.values())
        problems += [f"intent {intent}: {n} orders at the venue" for intent, n in intents.items() if n > 1]


async def _rows(connection: AsyncConnection[Any], statement: str, values: Any) -> list[Any]:
    return await (await connection.execute(statement, values)).fetchall()


def decision_of(plan: OrderPlan) -> DecisionRecord:
    return DecisionRecord(
        id=uuid.uuid4(), bot_id=plan.bot_id, instrument_id=plan.rules.instrument_id, symbol=plan.rules.symbol,
        ts_event=plan.decided_at_ns, trigger=Trigger.INTERVAL,
        action=Action.BUY if plan.side is Side.BUY else Action.SELL, verdict=Verdict.APPROVED, price=float(PRICE),
        signal=0.5, confidence=0.6, coverage=1.0, multiplier=1.0, components=(), validators=(), reasons=(),
        reasoning="by lot",
    )  # fmt: skip
