"""Positions that no engine looks after: the monitor takes the lease, leaves what must be left, and gives it back.

The order path is the engine's: the same recovery, the same gate, the same paper venue, the same books.
"""

from collections.abc import Sequence
from typing import Any

import structlog
from msgspec import Struct

from bots.engine import messages
from bots.engine.books import Held
from bots.engine.protection import exit_words
from bots.engine.trace import dust_record, protective_record
from bots.monitor.markets import Market, Place
from bots.monitor.watched import close_price, exit_reason
from bots.orders.connections import open_pool
from bots.orders.leases import LeaseTerms
from bots.orders.load import AccountConfig, BotConfig
from bots.orders.marks import Mark
from bots.orders.recovery import PAPER
from bots.orders.results import Recorded, Recovery, RestingOrder
from bots.orders.store import OrderStore
from bots.trading.matching import PaperFees, PaperMatcher
from bots.trading.money import from_float
from bots.trading.plan import plan_exit
from bots.trading.positions import is_dust, update_stops
from bots.trading.records import InstrumentRules, LeaseToken, OrderPlan, PositionState, SubmittedOrder, VenueReport
from bots.trading.vocabulary import Action, ExitReason, Purpose, Side, Trigger

log = structlog.get_logger(__name__)

SLOT_NS = 5_000_000_000
# Few enough that their leases outlast the work on all of them.
_BOTS_AT_ONCE = 20

Event = tuple[int, str, dict[str, Any]]


class Leaving(Struct, frozen=True, kw_only=True):
    """An exit that is due, with all that it needs."""

    bot: BotConfig
    position: PositionState
    rules: InstrumentRules
    market: Market
    reason: ExitReason


async def guard(
    bot_ids: Sequence[int], markets: dict[Place, Market], *, holder: str, terms: LeaseTerms, now_ns: int
) -> list[Event]:
    """Look after bots whose leases are free, as far as their markets are known. Gives what to tell their owners.

    Run again at the same time it does nothing: whoever comes second finds the lease taken, the position closed, or the
    slot of the exit used.
    """
    pool = await open_pool(min_size=1, max_size=2)
    told: list[Event] = []
    try:
        store = OrderStore(pool, terms=terms)
        for start in range(0, len(bot_ids), _BOTS_AT_ONCE):
            tokens = await store.acquire(holder, bot_ids=bot_ids[start : start + _BOTS_AT_ONCE])
            try:
                for token in tokens:
                    told += await _look_after(store, token, markets, now_ns)
            finally:
                await store.release(tokens, holder)
    finally:
        await pool.close()
    return told


async def _look_after(store: OrderStore, token: LeaseToken, markets: dict[Place, Market], now_ns: int) -> list[Event]:
    look = _Look(store, token, markets, now_ns)
    try:
        await look.run()
    except Exception:
        # Whatever is wrong with one bot, the next one's stop must not wait for it.
        log.exception("[RISK MANAGER] the monitor failed for a bot", bot_id=token.bot_id)
    return look.told


class _Look:
    """One look at a bot whose lease was just taken. `told` is what its owner is to hear of what was committed."""

    def __init__(self, store: OrderStore, token: LeaseToken, markets: dict[Place, Market], now_ns: int) -> None:
        self._store = store
        self._token = token
        self._markets = markets
        self._now_ns = now_ns
        self.told: list[Event] = []

    async def run(self) -> None:
        recovery = await self._store.recover([self._token])
        # After the lease was taken: what was seen before may have been closed since.
        state = await self._store.load([self._token.bot_id], self._now_ns)
        bot = state.bots[self._token.bot_id]
        for recorded in recovery.resolved:
            self._tell(bot, recorded)
        marks, leaving = [], []
        for position in state.positions:
            if position.bot_id != bot.bot_id:
                continue
            rules = next(found for found in bot.instruments if found.instrument_id == position.instrument_id)
            market = self._markets.get((rules.exchange, rules.symbol))
            if market is None:
                continue
            if is_dust(position, rules):
                await self._write_off(bot, position, rules, market)
                continue
            moved = update_stops(position, from_float(close_price(position, market)))
            marks.append(self._mark(moved, bot, market))
            reason = exit_reason(moved, rules, bot.restriction.ladder, market)
            if reason is not None:
                leaving.append(Leaving(bot=bot, position=moved, rules=rules, market=market, reason=reason))
        await self._store.save_marks(marks)
        for due in leaving:
            await self._leave(due, recovery)

    async def _write_off(self, bot: BotConfig, position: PositionState, rules: InstrumentRules, market: Market) -> None:
        at_ns = market.trade_ns(self._now_ns, stream_clock=bot.account.stream_clock)
        decision = dust_record(
            position=position,
            rules=rules,
            trigger=Trigger.MONITOR,
            ts_event=at_ns,
            price=close_price(position, market),
        )
        closed = await self._store.write_off(position.position_id, decision, self._token, at_ns)
        if closed is not None:
            log.warning(
                "[RISK MANAGER] position written off", bot=bot.name, symbol=rules.symbol, why=decision.reasoning
            )
            self.told.append((bot.owner_id, "positionUpdate", messages.position_closed(closed, symbol=rules.symbol)))
            said = messages.alert("warning", "dust", f"{bot.name}: {decision.reasoning}.", bot_id=bot.bot_id)
            self.told.append((bot.owner_id, "alert", said))

    def _mark(self, position: PositionState, bot: BotConfig, market: Market) -> Mark:
        return Mark(
            position_id=position.position_id,
            epoch=self._token.epoch,
            mark_price=from_float(close_price(position, market)),
            high_water_mark=position.high_water_mark,
            stop_price=position.stop_price,
            marked_at_ns=market.trade_ns(self._now_ns, stream_clock=bot.account.stream_clock),
            revision=position.revision,
        )

    async def _leave(self, due: Leaving, recovery: Recovery) -> None:
        if due.bot.account.mode != PAPER:
            # Nothing here reaches a venue: an order would be booked as sent that never is.
            log.error("[RISK MANAGER] the monitor serves paper accounts only", bot=due.bot.name)
            return
        at_ns = due.market.trade_ns(self._now_ns, stream_clock=due.bot.account.stream_clock)
        for resting in recovery.resting:
            if resting.order.plan.rules.instrument_id == due.rules.instrument_id:
                # What is left of an entry would buy again what is sold here.
                await self._cancel(due, resting, at_ns)
        quote, slot = due.market.quote, at_ns - at_ns % SLOT_NS
        plan = plan_exit(
            account_id=due.bot.account.account_id,
            rules=due.rules,
            position=due.position,
            exit_reason=due.reason,
            bid=quote.bid,
            ask=quote.ask,
            slot=slot,
            now_ns=at_ns,
        )
        price = close_price(due.position, due.market)
        words = exit_words(Held(position=due.position, rules=due.rules, mark=from_float(price)), due.reason, price)
        names = {"bot": due.bot.name, "symbol": due.rules.symbol, "why": words}
        if not isinstance(plan, OrderPlan):
            log.warning("[RISK MANAGER] monitor cannot leave", **names, reasons=[r.text for r in plan])
            return
        log.warning("[RISK MANAGER] monitor leaves: no engine looks after the bot", **names)
        decision = protective_record(
            bot_id=due.bot.bot_id,
            rules=due.rules,
            trigger=Trigger.MONITOR,
            ts_event=slot,
            action=Action.SELL if plan.side is Side.SELL else Action.BUY,
            price=price,
            exit_reason=due.reason,
            reasoning=f"No engine looked after the bot: {words}.",
        )
        answer = await self._store.submit(plan, decision, self._token, at_ns)
        if not isinstance(answer, SubmittedOrder):
            log.warning("[RISK MANAGER] the gate refused", **names, reasons=[reason.code for reason in answer.reasons])
            return
        self.told.append((due.bot.owner_id, "orderUpdate", messages.order_sent(answer)))
        for report in fill_on_paper(answer, due.market, due.bot.account, at_ns):
            await self._record(due, report)

    async def _cancel(self, due: Leaving, resting: RestingOrder, at_ns: int) -> None:
        if resting.order.plan.purpose is not Purpose.ENTRY:
            return
        if await self._store.request_cancel(resting.order.order_id, self._token):
            matcher = PaperMatcher()
            matcher.rest(resting.order, fees=fees_of(due.bot.account), filled=resting.filled, fills=resting.fills)
            for report in matcher.cancel(resting.order.order_id, at_ns):
                await self._record(due, report)

    async def _record(self, due: Leaving, report: VenueReport) -> None:
        answer = await self._store.record(report, self._token)
        if isinstance(answer, Recorded):
            self._tell(due.bot, answer, mark=from_float(close_price(due.position, due.market)))
        else:
            log.warning("[TRADE EXECUTION] the monitor's lease is gone", bot=due.bot.name, epoch=answer.epoch)

    def _tell(self, bot: BotConfig, recorded: Recorded, **mark: Any) -> None:
        view, closed = recorded.order, recorded.closed
        log.info(
            "[TRADE EXECUTION] monitor", bot=bot.name, symbol=view.symbol, state=view.state.value,
            filled=f"{view.filled_quantity.normalize():f}", net=f"{closed.net_pnl:.4f}" if closed else "",
        )  # fmt: skip
        events = messages.recorded_events(recorded, mark=mark.get("mark"))
        self.told += [(bot.owner_id, kind, data) for kind, data in events]


def fees_of(account: AccountConfig) -> PaperFees:
    return PaperFees(maker_bps=account.maker_fee_bps, taker_bps=account.taker_fee_bps)


def fill_on_paper(order: SubmittedOrder, market: Market, account: AccountConfig, at_ns: int) -> list[VenueReport]:
    """Match an exit against the cached book. The cache is older than any latency, so none is added."""
    matcher = PaperMatcher()
    if market.book is not None:
        matcher.on_event(market.book, at_ns)
    matcher.on_event(market.top, at_ns)
    return matcher.submit(order, at_ns, fees=fees_of(account))
