"""One instrument: its signals once for all its bots, their decisions, their stops, their orders.

`step` and `on_second` are the whole of it, live and in replay: the same events at the same times give the same
decisions. Nothing here reads a clock.
"""

from collections.abc import Sequence

import structlog

from bots.engine.books import BotBooks, Held
from bots.engine.desk import Desk
from bots.engine.evaluation import Evaluator
from bots.engine.execution import DATABASE_AWAY, EXIT_RETRY_NS, Execution
from bots.engine.protection import cancel_reason, exit_reason_of, exit_words
from bots.engine.seats import Seats
from bots.engine.trace import dust_record, protective_record
from bots.orders.marks import Mark
from bots.orders.results import RestingOrder, VenueOrderState
from bots.trading.money import from_float
from bots.trading.plan import plan_exit
from bots.trading.positions import is_dust
from bots.trading.records import InstrumentRules, OrderPlan, Reason
from bots.trading.vocabulary import Action, ExitReason, Side, Trigger
from marketdata.events import Bar, BookSnapshot, Event, FeedState, QuoteTick, Ticker, Timeframe, TradeTick
from quant.features.bounds import is_price
from quant.reading import Component
from quant.symbol_signals import SymbolSignals
from quant.top import TopOfBook

log = structlog.get_logger(__name__)

OWN_SOURCES = frozenset({"websocket", "rest"})
# Every other state of the feed, known or not, has no prices to trade on.
TRADABLE = frozenset({"live", "fallback"})
MARKET_EVENTS = (QuoteTick, TradeTick, BookSnapshot)


class SymbolWorker:
    """Owns the signals, the seats and the orders of one (exchange, symbol)."""

    def __init__(self, *, exchange: str, symbol: str, desk: Desk, timeframes: tuple[Timeframe, ...] = ("1m",)) -> None:
        self.exchange = exchange
        self.symbol = symbol
        self.signals = SymbolSignals(exchange=exchange, symbol=symbol, timeframes=timeframes)
        self.top = TopOfBook()
        self.seats = Seats()
        self.execution = Execution(desk, on_change=self._on_change)
        self.evaluator = Evaluator(desk, self.signals, self.seats, self.execution)
        # Whether the stream has a hole: its reader knows, and says when the book is whole again.
        self.is_stale = False
        self.feed_state = "live"
        self.feed_source = "websocket"
        # By how much learned components count here, 1 where nothing is said.
        self.factors: dict[Component, float] = {}
        self._desk = desk
        self._held: list[tuple[BotBooks, Held]] = []
        self._ts_event = 0

    # --- Bots -------------------------------------------------------------------------------------------------

    def add_bot(self, bot: BotBooks, rules: InstrumentRules, *, now_ns: int) -> None:
        """Take a bot, or changed settings of one; its timeframes must be followed already. `rebuild` seats it."""
        self.seats.add(bot, rules, now_ns=now_ns)
        self.execution.forget_account(bot.account.config.account_id)

    async def remove_bot(self, bot_id: int) -> None:
        self.seats.remove(bot_id)
        self.execution.forget(bot_id)
        await self.rebuild()

    def resume(
        self,
        bot: BotBooks,
        rules: InstrumentRules,
        resting: Sequence[RestingOrder],
        at_venue: Sequence[VenueOrderState] = (),
    ) -> None:
        """Take back limit orders that rested at a restart, and those at a real venue."""
        self.execution.resume(bot, rules, resting)
        self.execution.follow(bot, rules, at_venue)

    async def rebuild(self) -> None:
        """Lay the seats out anew: bots, settings or timeframes have changed."""
        desk = self._desk
        self.signals.follow_variants(self.seats.variants)
        self.seats.rebuild(
            self.signals.columns, traditional_weight=desk.traditional_weight, quant_weight=desk.quant_weight,
            regimes=self.signals.regimes, factors=self.factors,
        )  # fmt: skip
        self.evaluator.forget()
        self._list_held()
        for bot_id, reason in self.seats.unusable.items():
            bot = desk.bots.get(bot_id)
            if bot is not None and bot.trades:
                await desk.halt(bot, reason)

    def _follow_regime(self) -> None:
        """After a bar: bots that follow the regime weigh by it from now on."""
        desk, signals = self._desk, self.signals
        if any(seat.bot.config.adapt_to_regime for seat in self.seats.seats):
            self.seats.reweigh(
                signals.columns, traditional_weight=desk.traditional_weight, quant_weight=desk.quant_weight,
                regimes=signals.regimes, factors=self.factors,
            )  # fmt: skip

    def _on_change(self, bot: BotBooks) -> None:
        seat = self.seats.of(bot.bot_id)
        if seat is not None:
            self.seats.refresh(seat)
        self._list_held()

    def _list_held(self) -> None:
        found = []
        for seat in self.seats.seats:
            held = seat.bot.positions.get(seat.rules.instrument_id)
            if held is not None:
                found.append((seat.bot, held))
        self._held = found

    # --- Events -----------------------------------------------------------------------------------------------

    async def step(self, event: Event, now_ns: int, *, evaluate: bool = True) -> None:
        """Take one event at the engine's time: fills, then stops, then decisions."""
        self.signals.update(event)
        if isinstance(event, MARKET_EVENTS):
            self._ts_event = event.ts_event
            if isinstance(event, QuoteTick):
                self.top.on_quote(event)
            elif isinstance(event, BookSnapshot):
                self.top.on_book(event)
            if self.top.mid is not None:
                self.evaluator.swing.see(self.top.mid, now_ns)
            await self.execution.on_event(event, now_ns)
            if self._held and not isinstance(event, TradeTick):
                await self._protect(now_ns)
            if evaluate:
                await self._evaluate(now_ns, on_tick=True)
        elif isinstance(event, Bar):
            if event.closed:
                self._follow_regime()
                self.seats.on_bar(event, now_ns)
        elif isinstance(event, Ticker):
            self.evaluator.day_volume = event.volume if is_price(event.volume) else None
        elif isinstance(event, FeedState):
            if event.state not in TRADABLE or event.source != self.feed_source:
                # Nobody may take the prices of one source for those of another.
                self.top.forget()
            if event.source != self.feed_source:
                self.evaluator.swing.forget()
            self.feed_state, self.feed_source = event.state, event.source

    async def tell(self, now_ns: int) -> None:
        """After the decisions of a tick: store and tell what has not changed."""
        await self.evaluator.tell(now_ns)

    def invalidate(self) -> None:
        """Something was missed: nothing is decided until the book is whole again."""
        self.is_stale = True
        self.signals.invalidate_book()
        self.top.forget()

    async def on_second(self, now_ns: int) -> list[Mark]:
        """What time alone brings: orders that end, evaluations without ticks. Gives the marks of open positions."""
        await self.execution.on_time(now_ns)
        await self._cancel_due(now_ns)
        if self._held:
            await self._write_off_dust(now_ns)
            await self._protect(now_ns)
        await self._evaluate(now_ns, on_tick=False)
        return self._marks(now_ns)

    async def _evaluate(self, now_ns: int, *, on_tick: bool) -> None:
        due = self.seats.due(now_ns)
        if due or (on_tick and len(self.seats.on_tick)):
            await self.evaluator.evaluate(
                due,
                now_ns=now_ns,
                ts_event=self._ts_event or now_ns,
                on_tick=on_tick,
                trouble=self._trouble(),
                foreign=self._foreign(),
            )

    def _trouble(self) -> Reason | None:
        """Why nothing can be decided now, apart from the price."""
        if self._desk.database_error:
            return DATABASE_AWAY
        if self.feed_state not in TRADABLE:
            return Reason(code="feed", text=f"the feed is {self.feed_state}")
        if self.is_stale:
            return Reason(code="feed", text="the feed is incomplete: waiting for a snapshot of the book")
        return None

    def _foreign(self) -> Reason | None:
        """Why only bots that allow a second source may use these prices."""
        if self.feed_source in OWN_SOURCES:
            return None
        text = f"prices come from {self.feed_source}, and this bot uses those of its own exchange only"
        return Reason(code="second_source", text=text)

    # --- Protection -------------------------------------------------------------------------------------------

    async def _protect(self, now_ns: int) -> None:
        """Stops, targets, and exits that a person or a ladder asked for."""
        bid, ask = self.top.bid, self.top.ask
        if bid is None or ask is None or self.top.ts is None:
            return
        if now_ns - self.top.ts > self._desk.store.controls.stale_after_ns:
            return
        foreign = self.feed_source not in OWN_SOURCES
        for bot, held in tuple(self._held):
            if foreign and not bot.config.second_source:
                continue
            reached = held.see(bid if held.is_long else ask)
            reason = exit_reason_of(bot, held, bid=bid, ask=ask, reached=reached)
            if reason is not None and now_ns >= held.exit_retry_ns:
                await self._leave(bot, held, reason, bid, ask, now_ns)

    async def _leave(self, bot: BotBooks, held: Held, reason: ExitReason, bid: float, ask: float, now_ns: int) -> None:
        # The venue's rules may have changed since the position was taken up.
        seat = self.seats.of(bot.bot_id)
        position, rules = held.position, seat.rules if seat is not None else held.rules
        working = bot.working(position.instrument_id)
        if working is not None:
            # The entry's rest would buy again what is sold here.
            if not working.cancel_requested and working.is_resting:
                await self.execution.cancel(bot, working, now_ns)
            return
        held.exit_retry_ns = now_ns + EXIT_RETRY_NS
        plan = plan_exit(
            account_id=bot.account.config.account_id,
            rules=rules,
            position=position,
            exit_reason=reason,
            bid=bid,
            ask=ask,
            slot=now_ns,
            now_ns=now_ns,
            depth_quantity=self.execution.depth(position.side.opposite),
        )
        if not isinstance(plan, OrderPlan):
            return
        words = exit_words(held, reason, bid if held.is_long else ask)
        log.info("[TRADING LOOP] exit", bot=bot.config.name, symbol=self.symbol, why=words)
        decision = protective_record(
            bot_id=bot.bot_id,
            rules=rules,
            trigger=Trigger.MANUAL if reason in (ExitReason.MANUAL, ExitReason.FLATTEN) else Trigger.STOP,
            ts_event=now_ns,
            action=Action.SELL if plan.side is Side.SELL else Action.BUY,
            price=bid if held.is_long else ask,
            exit_reason=reason,
            reasoning=words,
        )
        await self.execution.send(bot, plan, decision, now_ns)
        if self._desk.observer is not None:
            self._desk.observer.decided(decision, bot.config.name, plan.quantity)

    async def _write_off_dust(self, now_ns: int) -> None:
        """A venue may raise its smallest order above what is held: then no exit ever passes."""
        for bot, held in tuple(self._held):
            seat = self.seats.of(bot.bot_id)
            if seat is None or not is_dust(held.position, seat.rules) or bot.working(seat.rules.instrument_id):
                continue
            decision = dust_record(
                position=held.position,
                rules=seat.rules,
                trigger=Trigger.STOP,
                ts_event=now_ns,
                price=float(held.mark),
            )
            await self.execution.write_off(bot, held, decision, now_ns)

    async def _cancel_due(self, now_ns: int) -> None:
        for seat in tuple(self.seats.seats):
            order = seat.bot.working(seat.rules.instrument_id)
            if order is not None and (reason := cancel_reason(seat.bot, order, now_ns)):
                log.info("[TRADE EXECUTION] cancel", bot=seat.bot.config.name, symbol=self.symbol, why=reason)
                await self.execution.cancel(seat.bot, order, now_ns)

    # --- Marks ------------------------------------------------------------------------------------------------

    def _marks(self, now_ns: int) -> list[Mark]:
        bid, ask = self.top.bid, self.top.ask
        if bid is None or ask is None or bid <= 0:
            return []
        marks = []
        for bot, held in self._held:
            position = held.marked(from_float(bid if held.is_long else ask))
            marks.append(
                Mark(
                    position_id=position.position_id,
                    epoch=bot.token.epoch,
                    mark_price=held.mark,
                    high_water_mark=position.high_water_mark,
                    stop_price=position.stop_price,
                    marked_at_ns=now_ns,
                    revision=position.revision,
                )
            )
        return marks

    @property
    def held(self) -> tuple[tuple[BotBooks, Held], ...]:
        return tuple(self._held)
