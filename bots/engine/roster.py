"""Which bots this engine looks after: taken with their leases, settled, loaded, seated at their symbols, let go."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import AsyncExitStack

import psycopg
import structlog
from msgspec.structs import replace

from bots.engine.books import AccountBooks, BotBooks, Held, Working
from bots.engine.desk import Desk
from bots.engine.following import follow_again
from bots.engine.inbox import Intake
from bots.engine.observations import Observations
from bots.engine.runner import SymbolRunner, nobody
from bots.engine.weights import regime_weights_of
from bots.orders.load import BotConfig, EngineState
from bots.orders.results import Recovery
from bots.orders.rows import position_of
from bots.orders.sql import POSITION_COLUMNS
from bots.trading.records import InstrumentRules, LeaseToken, PositionState, SubmittedOrder
from marketdata.events import TIMEFRAME_SECONDS, Bar, Timeframe
from quant.regime import DEFAULT_FRAMES

log = structlog.get_logger(__name__)

Instrument = tuple[str, str]
NOTHING_FOUND = Recovery()

# What must differ for a bot to be loaded again.
FINGERPRINTS = """
SELECT b.id, b.state, concat_ws(':', b.version, b.state, b.ladder, b.ladder_reason, b.updated_at, b.account_id,
           a.ladder, a.maker_fee_bps, a.taker_fee_bps, a.latency_ms, i.ladder,
           (SELECT string_agg(n.id || '/' || n.updated_at, ',' ORDER BY n.id) FROM bots_bot_instruments w
            JOIN marketdata_instrument n ON n.id = w.instrument_id WHERE w.bot_id = b.id)) AS fingerprint
FROM bots_bot b JOIN bots_account a ON a.id = b.account_id CROSS JOIN bots_installation i
WHERE b.id = ANY(%(bot_ids)s)
"""

WISHES = f"""
SELECT {POSITION_COLUMNS} FROM bots_position p
WHERE p.bot_id = ANY(%(bot_ids)s) AND p.closed_at IS NULL AND (p.close_requested_at IS NOT NULL OR p.revision > 0)
"""


class Roster:
    """The bots and the symbols they trade. All changes go through here, one at a time."""

    def __init__(self, desk: Desk, intake: Intake, observations: Observations, *, holder: str) -> None:
        self.runners: dict[Instrument, SymbolRunner] = {}
        self._tasks: dict[Instrument, asyncio.Task[None]] = {}
        self._desk = desk
        self._intake = intake
        self._observations = observations
        self._holder = holder
        self.on_bar: Callable[[SymbolRunner, Bar, int], None] = nobody
        self.on_gone: Callable[[SymbolRunner], None] = lambda runner: None
        self._fingerprints: dict[int, str] = {}
        self._lock = asyncio.Lock()

    @property
    def tokens(self) -> list[LeaseToken]:
        return [bot.token for bot in self._desk.bots.values() if not bot.lost]

    async def acquire(self) -> None:
        """Take bots that nobody looks after. Raises psycopg.Error."""
        async with self._lock:
            tokens = await self._desk.store.acquire(self._holder)
            fresh = [token for token in tokens if token.bot_id not in self._desk.bots]
            for token in tokens:
                held = self._desk.bots.get(token.bot_id)
                if held is not None:
                    if token.epoch > held.token.epoch + 1:
                        await self._forget_orders(held)
                    # Our own lease had run out, and nobody was faster: its orders are settled as after a restart.
                    held.token, held.lost, held.suspended = token, False, "the lease had run out"
            await self._take(fresh)

    async def sync(self) -> None:
        """Follow changes of settings, states, ladders and close requests. Raises psycopg.Error."""
        async with self._lock:
            await self._drop_lost()
            await self._settle_suspended()
            async with self._desk.store.pool.connection() as connection:
                found = await connection.execute(FINGERPRINTS, {"bot_ids": list(self._desk.bots)})
                rows = {row.id: row for row in await found.fetchall()}
                wishes = await (await connection.execute(WISHES, {"bot_ids": list(self._desk.bots)})).fetchall()
            changed = [
                bot_id
                for bot_id, row in rows.items()
                if self._fingerprints.get(bot_id) != row.fingerprint or self._is_done_somewhere(bot_id)
            ]
            if changed:
                state = await self._desk.store.load(changed, self._now_ns(changed))
                for bot_id in changed:
                    if bot_id in state.bots:
                        is_done = self._is_done_somewhere(bot_id)
                        await self._change(self._desk.bots[bot_id], state.bots[bot_id])
                        self._fingerprints[bot_id] = rows[bot_id].fingerprint
                        if is_done:
                            await follow_again(bot_id)
            for wish in wishes:
                take_wish(self._desk.bots[wish.bot_id], position_of(wish))
            await self._let_go(rows)

    async def _forget_orders(self, bot: BotBooks) -> None:
        """Another owner has settled them meanwhile: a fill of one that only this engine knows would be an incident."""
        for runner in self._runners_of(bot):
            async with runner.lock:
                runner.worker.execution.forget(bot.bot_id)

    async def _take(self, tokens: Sequence[LeaseToken]) -> None:
        if not tokens:
            return
        desk, bot_ids = self._desk, [token.bot_id for token in tokens]
        recovery = await desk.store.recover(tokens)
        state = await desk.store.load(bot_ids, self._now_ns(bot_ids))
        for token in tokens:
            if token.bot_id not in state.bots:
                continue
            try:
                await self._begin(token, state, recovery)
            except (LookupError, ValueError, TypeError) as error:
                # One bot's rows must not keep the others from being looked after.
                log.exception("engine.bot.unusable", bot_id=token.bot_id)
                await desk.store.halt_bot(token.bot_id, f"it could not be taken up: {type(error).__name__}: {error}")
        for runner in self.runners.values():
            async with runner.lock:
                await runner.worker.rebuild()
        for account in {desk.bots[bot_id].account.config.account_id: desk.bots[bot_id].account
                        for bot_id in bot_ids if bot_id in desk.bots}.values():  # fmt: skip
            await desk.refresh_account(account)

    async def _begin(self, token: LeaseToken, state: EngineState, recovery: Recovery) -> None:
        config = state.bots[token.bot_id]
        account = self._account(config, state)
        bot = BotBooks(config=config, token=token, account=account)
        self._load_books(bot, state)
        self._desk.bots[token.bot_id] = account.bots[token.bot_id] = bot
        if self._desk.venues is not None:
            self._desk.venues.begin(config.account)
        await self._seat(bot, recovery)
        log.info(
            "[TRADING LOOP] bot taken", bot=config.name, bot_id=token.bot_id, state=config.state, epoch=token.epoch,
            symbols=[rules.symbol for rules in config.instruments], positions=len(bot.positions),
            settled=sum(1 for found in recovery.resolved if found.order.bot_id == token.bot_id),
        )  # fmt: skip

    def _load_books(self, bot: BotBooks, state: EngineState) -> None:
        """Positions, orders and results as the database has them."""
        bot_id = bot.bot_id
        rules = {found.instrument_id: found for found in bot.config.instruments}
        bot.positions.clear()
        bot.orders.clear()
        bot.recent_entries.clear()
        for position in state.positions:
            if position.bot_id == bot_id:
                mark = state.marks.get(position.position_id, position.entry_price)
                held = Held(position=position, rules=rules[position.instrument_id], mark=mark)
                bot.positions[position.instrument_id] = held
        bot.orders.update({order.order_id: Working.of_row(order) for order in state.orders if order.bot_id == bot_id})
        bot.load_results(state.results[bot_id], self._now_ns([bot_id]))

    def _account(self, config: BotConfig, state: EngineState) -> AccountBooks:
        account = self._desk.accounts.get(config.account.account_id)
        if account is None:
            account = AccountBooks(config=config.account)
            self._desk.accounts[config.account.account_id] = account
        account.config = config.account
        balance = state.balances.get(config.account.account_id, {}).get(config.account.quote_asset)
        if balance is not None:
            account.cash, account.reserved = balance.total, balance.reserved
        return account

    async def _seat(self, bot: BotBooks, recovery: Recovery = NOTHING_FOUND) -> None:
        """Seat a bot at each of its symbols, and only there; their workers are rebuilt after it."""
        wanted = {(rules.exchange, rules.symbol): rules for rules in bot.config.instruments}
        for instrument, rules in wanted.items():
            runner = await self._runner(instrument, bot)
            async with runner.lock:
                await runner.follow_timeframes(_timeframes(bot.config), _regime_timeframes(bot.config))
                resting = [found for found in recovery.resting if _is_of(found.order, bot, rules)]
                at_venue = [found for found in recovery.at_venues if _is_of(found.order, bot, rules)]
                runner.worker.resume(bot, rules, resting, at_venue)
                runner.worker.add_bot(bot, rules, now_ns=runner.now_ns())
        for instrument, runner in list(self.runners.items()):
            if instrument not in wanted:
                async with runner.lock:
                    await self._unseat(bot, runner)
        self._close_empty()

    async def _unseat(self, bot: BotBooks, runner: SymbolRunner) -> None:
        seat = runner.worker.seats.of(bot.bot_id)
        if seat is None:
            return
        rules, config = seat.rules, bot.config
        if rules.instrument_id not in bot.positions and bot.working(rules.instrument_id) is None:
            await runner.worker.remove_bot(bot.bot_id)
            return
        # Sent since the rows were read: the seat stays until it has ended.
        bot.config = replace(
            config, instruments=(*config.instruments, rules), unwatched=config.unwatched | {rules.instrument_id}
        )

    async def _reseat(self, bot: BotBooks, recovery: Recovery = NOTHING_FOUND) -> None:
        await self._seat(bot, recovery)
        for runner in self._runners_of(bot):
            async with runner.lock:
                await runner.worker.rebuild()

    async def _runner(self, instrument: Instrument, bot: BotBooks) -> SymbolRunner:
        runner = self.runners.get(instrument)
        if runner is not None:
            return runner
        exchange, symbol = instrument
        stream_clock = bot.config.account.stream_clock
        clock = self._intake.clock(exchange, mode="stream" if stream_clock else "system")
        runner = SymbolRunner(
            exchange=exchange,
            symbol=symbol,
            desk=self._desk,
            inbox=self._intake.follow(exchange, symbol),
            clock=clock,
            stream_clock=stream_clock,
            timeframes=_timeframes(bot.config),
        )
        self.runners[instrument] = runner
        runner.on_bar = self.on_bar
        self._observations.follow(runner)
        await runner.bootstrap()
        self._tasks[instrument] = asyncio.create_task(self._keep(runner), name=f"symbol {symbol}")
        return runner

    async def _keep(self, runner: SymbolRunner) -> None:
        """Run a symbol; where it fails, begin it again from the stored bars: the others go on."""
        while True:
            try:
                await runner.run()
            except Exception:
                log.exception("engine.symbol.failed", symbol=runner.worker.symbol)
                runner.worker.invalidate()
                await asyncio.sleep(1)

    def _is_done_somewhere(self, bot_id: int) -> bool:
        bot = self._desk.bots[bot_id]
        return any(bot.is_done_with(instrument_id) for instrument_id in bot.config.unwatched)

    async def _change(self, bot: BotBooks, config: BotConfig) -> None:
        before = bot.config
        bot.take_config(config)
        bot.account.config = config.account
        bot.alerted.clear()
        await self._reseat(bot)
        if before.state != config.state or before.restriction != config.restriction:
            log.info(
                "[TRADING LOOP] bot changed", bot=config.name, state=config.state,
                ladder=config.restriction.ladder.value, why=config.restriction.reason,
            )  # fmt: skip

    async def _settle_suspended(self) -> None:
        """After an outage: what was committed of a bot's orders is looked up, as after a restart."""
        for bot in [bot for bot in self._desk.bots.values() if bot.suspended and not bot.lost]:
            runners = self._runners_of(bot)
            async with AsyncExitStack() as stack:
                for runner in runners:
                    await stack.enter_async_context(runner.lock)
                for runner in runners:
                    await runner.worker.execution.record_waiting()
                if any(runner.worker.execution.has_unrecorded for runner in runners):
                    continue
                for runner in runners:
                    runner.worker.execution.forget(bot.bot_id)
                recovery = await self._desk.store.recover([bot.token])
                state = await self._desk.store.load([bot.bot_id], self._now_ns([bot.bot_id]))
                if bot.bot_id not in state.bots:
                    continue
                bot.config = state.bots[bot.bot_id]
                self._load_books(bot, state)
                bot.suspended = ""
            await self._desk.refresh_account(bot.account)
            await self._reseat(bot, recovery)
            log.warning("[TRADING LOOP] bot settled", bot=bot.config.name, orders=len(recovery.resolved))

    def _runners_of(self, bot: BotBooks) -> list[SymbolRunner]:
        return [runner for _, runner in sorted(self.runners.items()) if runner.worker.seats.of(bot.bot_id) is not None]

    async def _drop_lost(self) -> None:
        for bot in [bot for bot in self._desk.bots.values() if bot.lost]:
            log.warning("[TRADING LOOP] bot lost to another engine", bot=bot.config.name, epoch=bot.token.epoch)
            await self._drop(bot)

    async def _let_go(self, rows: dict[int, object]) -> None:
        """Give back bots that are stopped and hold nothing, and forget deleted ones."""
        done = [
            bot
            for bot in self._desk.bots.values()
            if bot.bot_id not in rows or (not bot.trades and not bot.positions and not bot.orders)
        ]
        for bot in done:
            await self._desk.store.release([bot.token], self._holder)
            log.info("[TRADING LOOP] bot let go", bot=bot.config.name, state=bot.config.state)
            await self._drop(bot)
            await follow_again(bot.bot_id)

    async def _drop(self, bot: BotBooks) -> None:
        for runner in self._runners_of(bot):
            async with runner.lock:
                await runner.worker.remove_bot(bot.bot_id)
        self._desk.bots.pop(bot.bot_id, None)
        bot.account.bots.pop(bot.bot_id, None)
        if not bot.account.bots and self._desk.venues is not None:
            await self._desk.venues.end(bot.account.config.account_id)
        self._fingerprints.pop(bot.bot_id, None)
        self._close_empty()

    def _close_empty(self) -> None:
        for instrument, runner in list(self.runners.items()):
            if not len(runner.worker.seats):
                del self.runners[instrument]
                task = self._tasks.pop(instrument, None)
                if task is not None:
                    task.cancel()
                self._intake.unfollow(*instrument)
                self._observations.unfollow(runner)
                self.on_gone(runner)

    async def close(self) -> None:
        """Stop all symbols and give every bot back, so that another engine may take it at once."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        try:
            await self._desk.store.release(self.tokens, self._holder)
        except psycopg.Error as error:
            log.warning("engine.release.failed", error=str(error))

    def _now_ns(self, bot_ids: Iterable[int]) -> int:
        """The time of the bots' venues; days and weeks begin by it."""
        for bot_id in bot_ids:
            bot = self._desk.bots.get(bot_id)
            if bot is not None:
                return self._intake.now_ns(bot.config.account.exchange)
        return self._intake.now_ns("")


def take_wish(bot: BotBooks, wish: PositionState) -> None:
    """Take up what people want of a position, as its row says: another stop or target, or that it be closed."""
    held = bot.positions.get(wish.instrument_id)
    # By position: since the row was read, the instrument may have been left and entered again.
    if held is None or held.position.position_id != wish.position_id:
        return
    if wish.revision > held.position.revision:
        held.take(
            replace(held.position, stop_price=wish.stop_price, target_price=wish.target_price, revision=wish.revision)
        )
    held.position = replace(held.position, close_requested=wish.close_requested, close_to=wish.close_to)


def _is_of(order: SubmittedOrder, bot: BotBooks, rules: InstrumentRules) -> bool:
    return (order.plan.bot_id, order.plan.rules.instrument_id) == (bot.bot_id, rules.instrument_id)


def _regime_timeframes(config: BotConfig) -> tuple[Timeframe, ...]:
    """Those that the bot's regime is told by, and those that everybody is told of."""
    return tuple(dict.fromkeys((*regime_weights_of(config), *DEFAULT_FRAMES)))


def _timeframes(config: BotConfig) -> tuple[Timeframe, ...]:
    """The timeframes a bot weighs, and one minute always: volatility is measured on it."""
    wanted: tuple[Timeframe, ...] = tuple(
        name for name in TIMEFRAME_SECONDS if name == "1m" or config.timeframes.get(name, 0.0) > 0.0
    )
    return wanted
