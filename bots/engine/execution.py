"""From a plan to the books: through the gate, to the broker, and every report of it recorded in order."""

from collections import deque
from collections.abc import Callable, Iterable
from uuid import UUID

import psycopg
import structlog

from bots.brokers.paper import PaperBroker
from bots.engine import messages
from bots.engine.books import BotBooks, Held, Working
from bots.engine.desk import Desk
from bots.engine.venue_desk import VenueDesk
from bots.orders.record import UnknownOrder
from bots.orders.recovery import PAPER
from bots.orders.results import Recorded, RestingOrder, StaleLease, VenueOrderState
from bots.trading.matching import PaperMatcher
from bots.trading.money import multiply
from bots.trading.orders import TERMINAL_STATES
from bots.trading.records import DecisionRecord, InstrumentRules, OrderPlan, Reason, SubmittedOrder, VenueReport
from bots.trading.vocabulary import OrderState, Purpose, Side
from marketdata.events import BookSnapshot, QuoteTick, TradeTick

log = structlog.get_logger(__name__)

EXIT_RETRY_NS = 1_000_000_000
# A row that no table takes is no outage: it would stand before all others for ever.
REFUSED = (psycopg.IntegrityError, psycopg.DataError)
DATABASE_AWAY = Reason(code="database", text="the database is away: no order is sent until it answers")


class Execution:
    """The orders of one symbol. `on_change` is called with a bot whose position or order has changed."""

    def __init__(self, desk: Desk, *, on_change: Callable[[BotBooks], None]) -> None:
        self._desk = desk
        self._on_change = on_change
        self._matcher = PaperMatcher()
        self._brokers: dict[int, PaperBroker] = {}
        self._owners: dict[UUID, tuple[BotBooks, InstrumentRules]] = {}
        self._unrecorded: deque[VenueReport] = deque()
        self._now_ns = 0
        self._levels: BookSnapshot | None = None

    @property
    def has_unrecorded(self) -> bool:
        return bool(self._unrecorded)

    async def send(
        self, bot: BotBooks, plan: OrderPlan, decision: DecisionRecord, now_ns: int
    ) -> SubmittedOrder | tuple[Reason, ...]:
        """Pass the gate and send, once; or the reasons why not."""
        desk = self._desk
        if desk.database_error:
            return (DATABASE_AWAY,)
        if bot.suspended or bot.lost:
            return (Reason(code="suspended", text=bot.suspended or "another engine looks after this bot now"),)
        self._now_ns = now_ns
        venue = self._venue(bot)
        sign_ns = now_ns
        if bot.account.config.mode != PAPER:
            obstacle = self.obstacle(bot)
            venue_ns = venue.time_ns() if venue is not None else None
            # An exit is tried as long as the venue's time is known.
            if venue_ns is None or (obstacle is not None and plan.purpose is Purpose.ENTRY):
                return (obstacle or Reason(code="venue", text="the venue is not connected"),)
            sign_ns = venue_ns
        try:
            answer = await desk.store.submit(plan, decision, bot.token, sign_ns)
        except REFUSED as error:
            return (await self._refused(bot, "an order", error),)
        except psycopg.Error as error:
            desk.database_failed(error, bot=bot)
            return (DATABASE_AWAY,)
        if answer.latched is not None:
            desk.note_restriction(bot, answer.latched)
        if not isinstance(answer, SubmittedOrder):
            log.info(
                "[RISK MANAGER] the gate refused", bot=bot.config.name, symbol=plan.rules.symbol, side=plan.side.value,
                reasons=[reason.code for reason in answer.reasons],
            )  # fmt: skip
            return answer.reasons
        self._register(bot, answer)
        if venue is not None:
            venue.orders.send(answer)
            return answer
        for report in await self._broker(bot).submit(answer, now_ns):
            await self.record(report)
        return answer

    def _register(self, bot: BotBooks, order: SubmittedOrder) -> None:
        plan = order.plan
        bot.orders[order.order_id] = Working.of_plan(order.order_id, plan)
        self._owners[order.order_id] = (bot, plan.rules)
        if plan.side is Side.BUY:
            bot.account.reserved += multiply(plan.quantity, plan.limit_price)
        if plan.purpose is Purpose.ENTRY:
            bot.trades_today += 1
            bot.recent_entries.append((plan.decided_at_ns, plan.rules.symbol, plan.side))
        self._on_change(bot)
        log.info(
            "[TRADE EXECUTION] order sent", bot=bot.config.name, symbol=plan.rules.symbol, side=plan.side.value,
            purpose=plan.purpose.value, why=plan.exit_reason.value if plan.exit_reason else "signal",
            quantity=f"{plan.quantity.normalize():f}", limit=f"{plan.limit_price.normalize():f}",
            order=order.order_id.hex,
        )  # fmt: skip
        self._desk.say(bot.config.owner_id, "orderUpdate", messages.order_sent(order))

    def obstacle(self, bot: BotBooks) -> Reason | None:
        """Why nothing can be sent to the bot's venue now; None where it can be, and on paper."""
        mode = bot.account.config.mode
        if mode == PAPER:
            return None
        venue = self._venue(bot)
        if venue is None:
            return Reason(code="mode", text=f"this engine serves no accounts of mode {mode}: nothing is sent")
        return Reason(code="venue", text=venue.trouble) if venue.trouble else None

    def depth(self, side: Side) -> float | None:
        """What is on offer to a side at the top levels, in base; None before the first book."""
        if self._levels is None:
            return None
        # The levels shown lie well within the collar.
        return sum(size for _, size in (self._levels.asks if side is Side.BUY else self._levels.bids))

    async def on_event(self, event: QuoteTick | TradeTick | BookSnapshot, now_ns: int) -> None:
        self._now_ns = now_ns
        if isinstance(event, BookSnapshot):
            self._levels = event
        for report in self._matcher.on_event(event, now_ns):
            await self.record(report)

    async def on_time(self, now_ns: int) -> None:
        self._now_ns = now_ns
        await self.record_waiting()
        for report in self._matcher.on_time(now_ns):
            await self.record(report)

    async def cancel(self, bot: BotBooks, order: Working, now_ns: int) -> None:
        """Ask for an order to be cancelled: first in the database, then at the venue."""
        if self._desk.database_error or bot.suspended or bot.lost:
            return
        try:
            asked = await self._desk.store.request_cancel(order.order_id, bot.token)
        except psycopg.Error as error:
            self._desk.database_failed(error, bot=bot)
            return
        order.cancel_requested = asked
        if bot.account.config.mode != PAPER:
            venue = self._venue(bot)
            if venue is not None and asked:
                venue.orders.cancel(order.order_id)
            return
        for report in await self._broker(bot).cancel(order.order_id, now_ns):
            await self.record(report)

    async def write_off(self, bot: BotBooks, held: Held, decision: DecisionRecord, now_ns: int) -> None:
        """End a position that no order can end, and say so."""
        desk = self._desk
        if desk.database_error or bot.suspended or bot.lost:
            return
        try:
            closed = await desk.store.write_off(held.position.position_id, decision, bot.token, now_ns)
        except psycopg.Error as error:
            desk.database_failed(error, bot=bot)
            return
        if closed is None:
            return
        bot.positions.pop(held.position.instrument_id, None)
        bot.book_close(closed)
        self._on_change(bot)
        desk.say(bot.config.owner_id, "positionUpdate", messages.position_closed(closed, symbol=held.rules.symbol))
        desk.alert(bot, "warning", f"dust:{closed.position_id}", f"{bot.config.name}: {decision.reasoning}")

    def resume(self, bot: BotBooks, rules: InstrumentRules, resting: Iterable[RestingOrder]) -> None:
        """Take back orders that rested at a restart."""
        for found in resting:
            self._owners[found.order.order_id] = (bot, rules)
            self._broker(bot).resume([found])

    def follow(self, bot: BotBooks, rules: InstrumentRules, orders: Iterable[VenueOrderState]) -> None:
        """Take back orders that are at a venue, or may be."""
        venue = self._venue(bot)
        for found in orders:
            self._owners[found.order.order_id] = (bot, rules)
            if venue is not None:
                venue.orders.follow(found)

    async def hear(self, bot: BotBooks, rules: InstrumentRules, report: VenueReport) -> None:
        """Book what a venue tells of an order, which may have ended long ago."""
        self._owners.setdefault(report.order_id, (bot, rules))
        await self.record(report)

    def forget(self, bot_id: int) -> None:
        """Drop what is held for a bot: another answers for it, or its orders are about to be settled anew."""
        self._matcher.forget(bot_id)
        for order_id, (bot, _) in self._owners.items():
            if bot.bot_id == bot_id and (venue := self._venue(bot)) is not None:
                venue.orders.forget(order_id)
        self._owners = {order: owned for order, owned in self._owners.items() if owned[0].bot_id != bot_id}

    def forget_account(self, account_id: int) -> None:
        """Its fees or latency changed: the next order takes the new ones."""
        self._brokers.pop(account_id, None)

    async def record_waiting(self) -> None:
        """Book reports that the database could not take when they came."""
        while self._unrecorded and not self._desk.database_error:
            report = self._unrecorded.popleft()
            if not await self._book(report):
                self._unrecorded.appendleft(report)
                return

    async def record(self, report: VenueReport) -> None:
        """Book a report, after those that wait."""
        if self._unrecorded or self._desk.database_error or not await self._book(report):
            self._unrecorded.append(report)

    async def _book(self, report: VenueReport) -> bool:
        """False where the database could not take it."""
        owned = self._owners.get(report.order_id)
        if owned is None:
            # Its bot was dropped with its lease: who has the lease now settles the order.
            return True
        bot, rules = owned
        venue = self._venue(bot)
        try:
            answer = await self._desk.store.record(report, bot.token)
        except REFUSED as error:
            await self._refused(bot, f"a report of order {report.order_id.hex}", error)
            if venue is not None:
                venue.orders.forget(report.order_id)
            return True
        except psycopg.Error as error:
            self._desk.database_failed(error)
            return False
        except UnknownOrder as error:
            await self._desk.halt(bot, str(error))
            return True
        if isinstance(answer, StaleLease):
            log.warning("[TRADE EXECUTION] the lease is gone", bot=bot.config.name, epoch=answer.epoch)
            bot.lost = True
            if venue is not None:
                venue.orders.forget(report.order_id)
            return True
        if answer.changed:
            await self._follow(bot, rules, answer)
        if venue is not None:
            if answer.halted and not answer.changed:
                # Nothing of it was booked, but the database has halted the bot.
                self._desk.note_halt(bot, answer.halted)
            venue.orders.recorded(report, answer)
        return True

    async def _refused(self, bot: BotBooks, what: str, error: psycopg.Error) -> Reason:
        """Nothing was written, nor would be if tried again: this bot is halted and settled anew, the others go on."""
        text = f"the database refuses {what}: {type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
        await self._desk.halt(bot, text)
        bot.suspended = text
        return Reason(code="database", text=text)

    async def _follow(self, bot: BotBooks, rules: InstrumentRules, recorded: Recorded) -> None:
        view = recorded.order
        order = bot.orders.get(view.order_id)
        ended = view.state in TERMINAL_STATES
        held = bot.positions.get(view.instrument_id)
        if recorded.closed is not None:
            bot.positions.pop(view.instrument_id, None)
            bot.book_close(recorded.closed)
        elif recorded.position is not None and recorded.fills:
            mark = held.mark if held is not None else recorded.fills[-1].price
            if held is None:
                held = Held(position=recorded.position, rules=rules, mark=mark)
                bot.positions[view.instrument_id] = held
            else:
                held.take(recorded.position)
        if order is not None:
            order.is_resting = view.state in (OrderState.OPEN, OrderState.PARTIAL)
            if ended:
                del bot.orders[view.order_id]
                self._owners.pop(view.order_id, None)
                if view.purpose is Purpose.ENTRY and not view.filled_quantity:
                    bot.trades_today -= 1
                if view.purpose is Purpose.EXIT and held is not None:
                    held.exit_retry_ns = self._now_ns + EXIT_RETRY_NS
        self._on_change(bot)
        self._tell(bot, recorded)
        if recorded.fills or ended:
            try:
                await self._desk.refresh_account(bot.account)
            except psycopg.Error as error:
                self._desk.database_failed(error)
        if recorded.halted:
            self._desk.note_halt(bot, recorded.halted)

    def _tell(self, bot: BotBooks, recorded: Recorded) -> None:
        view = recorded.order
        for fill in recorded.fills:
            log.info(
                "[TRADE EXECUTION] filled", bot=bot.config.name, symbol=view.symbol, side=view.side.value,
                quantity=f"{fill.quantity.normalize():f}", price=f"{fill.price.normalize():f}",
                fee=f"{fill.fee.normalize():f} {fill.fee_asset}", execution_ms=view.execution_ms,
                order=view.order_id.hex,
            )  # fmt: skip
        if recorded.closed is not None:
            closed = recorded.closed
            log.info(
                "[TRADE EXECUTION] position closed", bot=bot.config.name, symbol=view.symbol,
                why=closed.exit_reason.value, entry=f"{closed.entry_price.normalize():f}",
                exit=f"{closed.exit_price.normalize():f}", net=f"{closed.net_pnl:.4f}",
            )  # fmt: skip
        elif not recorded.fills:
            log.info(
                "[TRADE EXECUTION] order", bot=bot.config.name, symbol=view.symbol, state=view.state.value,
                error=view.error, order=view.order_id.hex,
            )  # fmt: skip
        held = bot.positions.get(view.instrument_id)
        for kind, data in messages.recorded_events(recorded, mark=held.mark if held is not None else None):
            self._desk.say(bot.config.owner_id, kind, data)

    def _venue(self, bot: BotBooks) -> VenueDesk | None:
        """The desk of the bot's account at a real venue; None for paper, and for what cannot be served."""
        account = bot.account.config
        if account.mode == PAPER or self._desk.venues is None:
            return None
        return self._desk.venues.of(account)

    def _broker(self, bot: BotBooks) -> PaperBroker:
        account = bot.account.config
        broker = self._brokers.get(account.account_id)
        if broker is None:
            broker = self._brokers[account.account_id] = PaperBroker(account, self._matcher)
        return broker
