"""From signals to decisions: one blend for all bots of a symbol, then work only for those it means something to."""

from collections.abc import Sequence
from decimal import Decimal
from functools import cache

import numpy as np
import structlog
from msgspec.structs import replace
from numpy.typing import NDArray

from bots.engine import messages
from bots.engine.books import BotBooks
from bots.engine.desk import Desk
from bots.engine.edges import bot_edge
from bots.engine.execution import Execution
from bots.engine.mood import mood_of
from bots.engine.outcome import Look, Outcome
from bots.engine.seats import STORE_EVERY_NS, TELL_EVERY_NS, Due, Seat, Seats
from bots.engine.trace import Evaluation, opinion_of, record_of, spoken
from bots.orders.times import to_datetime
from bots.trading.decide import Proposal, Standing, decide, quick_codes
from bots.trading.going_live import go_live_factor
from bots.trading.plan import Situation, plan_entry, plan_exit
from bots.trading.records import DecisionRecord, OrderPlan, Reason, SubmittedOrder
from bots.trading.risk import MarketView, RiskCode, market_reasons
from bots.trading.swing import Swing
from bots.trading.vocabulary import ExitReason, Purpose, Side, Trigger, Verdict
from quant.blend import Blended, blend
from quant.correlation import CorrelationEstimator
from quant.symbol_signals import SymbolSignals
from quant.vector import SignalVector
from quant.veto import BlockLimits, quant_block
from quant.voting import validate

log = structlog.get_logger(__name__)

UNUSABLE_PRICE = frozenset({RiskCode.NO_PRICE.value, RiskCode.STALE_PRICE.value})
UNSTORED = frozenset({RiskCode.LEASE.value, "database", "suspended"})
ALERTS = {
    RiskCode.DAILY_LOSS.value: "warning",
    RiskCode.WEEKLY_TARGET.value: "info",
    RiskCode.DRAWDOWN.value: "warning",
    RiskCode.REPEAT_THROTTLE.value: "warning",
    RiskCode.PERIOD_COLLAR.value: "warning",
}


class Evaluator:
    """Evaluates the seats of one symbol."""

    def __init__(self, desk: Desk, signals: SymbolSignals, seats: Seats, execution: Execution) -> None:
        self.signals = signals
        self._desk = desk
        self._seats = seats
        self._execution = execution
        self.swing = Swing(desk.store.controls.period_ns)
        # Base traded in 24 hours, None until a venue says.
        self.day_volume: float | None = None
        self._last: Look | None = None
        self._correlation = CorrelationEstimator(signals.columns)

    def forget(self) -> None:
        """The seats were laid out anew."""
        self._last = None

    async def evaluate(
        self,
        due: Sequence[Due],
        *,
        now_ns: int,
        ts_event: int,
        on_tick: bool,
        trouble: Reason | None,
        foreign: Reason | None = None,
    ) -> None:
        """Ask the bots that are due, and on a tick those that are asked on every tick.

        trouble: why nothing can be decided now, e.g. a broken feed; nothing trades then, and it says so. foreign: why
        only bots that allow a second source may decide.
        """
        seats = self._seats
        vector = self.signals.read(now_ns=now_ns)
        self._correlation.observe(vector)
        correlation = self._correlation.matrix
        blended = blend(seats.weights, vector, correlation=correlation, use_multiplier=seats.use_multiplier)
        troubles = (trouble,) if trouble else _market_troubles(vector, now_ns)
        codes = quick_codes(
            signal=blended.signal,
            confidence=blended.confidence,
            minimum_confidence=seats.minimum_confidence,
            held=seats.held,
            working=seats.working,
            can_short=seats.seats[0].rules.can_short,
            has_market=not troubles,
        )
        wanted = list(due)
        if on_tick and len(seats.on_tick):
            self._observe(seats.on_tick, codes, blended, now_ns)
            asked = seats.worth_asking(codes, now_ns)
            wanted += [Due(index=int(i), trigger=Trigger.TICK, slot=ts_event) for i in asked]
        if due:
            self._observe(np.array([item.index for item in due]), codes, blended, now_ns)
        look = Look(
            vector=vector,
            blended=blended,
            codes=codes,
            troubles=troubles,
            foreign=foreign,
            now_ns=now_ns,
            ts_event=ts_event,
            correlation=correlation,
        )
        self._last = look if on_tick else None
        for item in wanted:
            await self._ask(item, look)

    async def tell(self, now_ns: int) -> None:
        """Store and tell, of bots asked on every tick, what has not changed: after the decisions, never before."""
        look, self._last = self._last, None
        if look is None or not len(self._seats.on_tick):
            return
        for i in self._seats.worth_telling(look.codes, now_ns).tolist():
            await self._ask(Due(index=i, trigger=Trigger.TICK, slot=look.ts_event), look)

    async def _ask(self, due: Due, look: Look) -> None:
        seat = self._seats.seats[due.index]
        try:
            await self._consider(seat, due, look)
        except Exception as error:
            # One bot's failure must not reach the others of the symbol.
            log.exception("engine.bot.failed", bot_id=seat.bot.bot_id)
            await self._desk.halt(seat.bot, f"its evaluation failed: {type(error).__name__}: {error}")

    def _observe(self, indices: NDArray[np.int64], codes: NDArray[np.int8], blended: Blended, now_ns: int) -> None:
        if self._desk.observer is None:
            return
        for i in indices.tolist():
            bot, symbol = self._seats.seats[i].bot.config.name, self._seats.seats[i].rules.symbol
            signal, confidence = float(blended.signal[i]), float(blended.confidence[i])
            self._desk.observer.evaluated(now_ns, bot, symbol, signal, confidence, int(codes[i]))

    async def _consider(self, seat: Seat, due: Due, look: Look) -> None:
        vector, blended, now_ns = look.vector, look.blended, look.now_ns
        code = Standing(int(look.codes[due.index]))
        bot, rules, i = seat.bot, seat.rules, due.index
        config = bot.config
        opinion = opinion_of(blended, i, minimum_confidence=config.limits.minimum_confidence)
        weights, effective = self._seats.weights[i], blended.effective_weights_of(i)
        edge = bot_edge(self._desk.edges, config, vector, opinion.forecast)
        validators = validate(
            columns=vector.columns,
            values=vector.values,
            weights=effective,
            coverage=opinion.coverage,
            confidence=opinion.confidence,
            min_coverage=config.minimum_coverage,
            min_confidence=config.limits.minimum_confidence,
            validator_enabled=config.validator_enabled,
            edge=edge,
            edge_gate=config.edge_gate,
        )
        evaluation = Evaluation(
            bot_id=bot.bot_id,
            rules=rules,
            trigger=due.trigger,
            slot=due.slot,
            ts_event=look.ts_event if due.trigger is Trigger.TICK else due.slot,
            vector=vector,
            opinion=opinion,
            weights=weights,
            effective=effective,
            validators=validators,
            blocks=quant_block(
                vector,
                weights=weights,
                coverage=opinion.coverage,
                min_coverage=config.minimum_coverage if config.validator_enabled else None,
                limits=_block_limits(config.maximum_volatility),
            ),
            mood=mood_of(config, vector),
            correlation=look.correlation,
            edge=edge,
        )
        held = bot.positions.get(rules.instrument_id)
        side = held.position.side if held is not None else None
        troubles = look.troubles
        if look.foreign is not None and not config.second_source:
            code, troubles = Standing.NO_MARKET, (*troubles, look.foreign)
        proposal = decide(code=code, opinion=opinion, held=side, verdicts=validators, market_reasons=troubles)
        outcome = Outcome(proposal)
        if proposal.purpose is Purpose.ENTRY:
            self._plan_entry(seat, evaluation, proposal, outcome, now_ns)
        elif proposal.purpose is Purpose.EXIT:
            self._plan_exit(seat, evaluation, outcome, now_ns)
        await self._conclude(seat, i, evaluation, outcome, now_ns)
        self._seats.last_code[i] = code

    def _plan_entry(
        self, seat: Seat, evaluation: Evaluation, proposal: Proposal, outcome: Outcome, now_ns: int
    ) -> None:
        bot, vector = seat.bot, evaluation.vector
        if seat.rules.instrument_id in bot.config.unwatched:
            text = f"{seat.rules.symbol} was taken off the watchlist"
            outcome.reject((Reason(code=RiskCode.WATCHLIST.value, text=text),))
            return
        bot.roll(now_ns)
        factor = live_factor(bot, now_ns)
        limits = evaluation.mood.limits(bot.config.limits)
        situation = Situation(
            bot_id=bot.bot_id,
            account_id=bot.account.config.account_id,
            rules=seat.rules,
            limits=limits if factor == 1 else limits.ramped(factor),
            order_type=bot.config.order_type,
            risk=bot.risk_state(seat.rules.instrument_id),
            market=_market_view(vector, self.swing.moved(now_ns)),
            free_cash=bot.account.free_cash,
            sigma_annual=vector.sigma_annual,
            depth_quantity=self._execution.depth(proposal.side or Side.BUY),
            day_volume=self.day_volume,
            now_ns=now_ns,
            slot=evaluation.slot,
        )
        vetoes = tuple(Reason(code=block.code.value, text=block.text) for block in evaluation.blocks)
        obstacle = self._execution.obstacle(bot)
        if obstacle is not None:
            vetoes = (obstacle, *vetoes)
        planned = plan_entry(
            situation=situation,
            proposal=proposal,
            opinion=evaluation.mood.sized(evaluation.opinion),
            vetoes=vetoes,
            controls=self._desk.store.controls.ramped(factor),
        )
        if isinstance(planned, OrderPlan):
            outcome.plan = planned
        else:
            outcome.reject(planned)

    def _plan_exit(self, seat: Seat, evaluation: Evaluation, outcome: Outcome, now_ns: int) -> None:
        bot, vector = seat.bot, evaluation.vector
        held = bot.positions[seat.rules.instrument_id]
        if now_ns < held.exit_retry_ns:
            outcome.reject((Reason(code="exit_retry", text="an exit was just tried"),))
            return
        planned = plan_exit(
            account_id=bot.account.config.account_id,
            rules=seat.rules,
            position=held.position,
            exit_reason=ExitReason.SIGNAL,
            bid=vector.bid or 0.0,
            ask=vector.ask or 0.0,
            slot=evaluation.slot,
            now_ns=now_ns,
        )
        if isinstance(planned, OrderPlan):
            outcome.plan = planned
        else:
            outcome.reject(planned)

    async def _conclude(self, seat: Seat, i: int, evaluation: Evaluation, outcome: Outcome, now_ns: int) -> None:
        """Send what is to be sent; store and tell what is worth it; count the rest."""
        seats, bot = self._seats, seat.bot
        is_new = outcome.plan is not None or (outcome.key != seat.stored and now_ns - seat.stored_ns >= STORE_EVERY_NS)
        store_signals = bot.config.signal_storage == "all" or outcome.plan is not None or now_ns >= seat.next_store_ns
        tell = is_new or now_ns >= seat.next_cycle_ns
        repeated, omitted = int(seats.repeated[i]), int(seats.omitted[i])
        if outcome.plan is None and outcome.verdict is Verdict.REJECTED:
            seats.retry_later(i, now_ns)
        if not (is_new or store_signals or tell):
            seats.repeated[i] += 1
            seats.omitted[i] += 1
            return
        decision = record_of(
            evaluation,
            action=outcome.action,
            verdict=outcome.verdict,
            reasons=outcome.reasons,
            exit_reason=outcome.exit_reason,
            repeated=repeated,
            use_multiplier=bot.config.use_diversification_multiplier,
            plan=outcome.plan,
        )
        plan = outcome.plan
        if plan is not None:
            decision = await self._send(seat, outcome, decision, now_ns)
            if outcome.plan is None:
                seats.retry_later(i, now_ns)
        elif is_new:
            self._desk.decisions.add(decision)
        if is_new:
            seat.stored, seat.stored_ns, outcome.stored = outcome.key, now_ns, True
            seats.repeated[i] = 0
            if decision.verdict is not Verdict.APPROVED:
                self._log(seat, decision)
        else:
            seats.repeated[i] += 1
        self._write_signals(seat, i, evaluation, decision, store=store_signals, omitted=omitted, now_ns=now_ns,
                            stored=outcome.stored)  # fmt: skip
        if tell:
            seat.next_cycle_ns = now_ns + TELL_EVERY_NS
            data = messages.cycle(evaluation, decision, stored=outcome.stored)
            self._desk.say(bot.config.owner_id, "tradingCycleComplete", data)
        if bot.config.signal_storage != "all":
            seats.next_tell_ns[i] = min(seat.next_store_ns, seat.next_cycle_ns)
        if self._desk.observer is not None and is_new:
            self._desk.observer.decided(decision, bot.config.name, plan.quantity if plan is not None else None)

    async def _send(self, seat: Seat, outcome: Outcome, decision: DecisionRecord, now_ns: int) -> DecisionRecord:
        plan = outcome.plan
        if plan is None:
            return decision
        log.info(
            "[RISK MANAGER] approved", bot=seat.bot.config.name, symbol=decision.symbol, action=decision.action.value,
            quantity=f"{plan.quantity.normalize():f}", reasoning=decision.reasoning,
        )  # fmt: skip
        answer = await self._execution.send(seat.bot, plan, decision, now_ns)
        if isinstance(answer, SubmittedOrder):
            return decision
        outcome.reject(answer)
        refused = replace(
            decision, verdict=Verdict.REJECTED, reasons=(*decision.reasons, *answer), outlook=spoken(answer)
        )
        if UNSTORED & {reason.code for reason in answer}:
            # The gate stores its refusals itself, but for these.
            self._desk.decisions.add(refused)
        return refused

    def _write_signals(
        self, seat: Seat, i: int, evaluation: Evaluation, decision: DecisionRecord, *, store: bool, omitted: int,
        now_ns: int, stored: bool,
    ) -> None:  # fmt: skip
        if not store:
            self._seats.omitted[i] += 1
            return
        self._seats.omitted[i] = 0
        seat.next_store_ns = now_ns + STORE_EVERY_NS
        self._desk.signals.add(
            evaluation,
            action=decision.action,
            words=decision.reasoning,
            decision_id=decision.id if stored else None,
            omitted=omitted,
        )

    def _log(self, seat: Seat, decision: DecisionRecord) -> None:
        bot = seat.bot
        # A bot asked on every tick may change its mind every second, and hundreds of bots may run.
        tell = log.debug if decision.trigger is Trigger.TICK and decision.verdict is Verdict.HOLD else log.info
        price = {"price": f"{decision.price:.10g}"} if decision.price else {}
        tell(
            "[TRADING LOOP] decision", bot=bot.config.name, symbol=decision.symbol, **price,
            verdict=decision.verdict.value, reasoning=decision.reasoning,
            why="; ".join(reason.text for reason in decision.reasons),
        )  # fmt: skip
        if decision.verdict is Verdict.REJECTED:
            codes = [reason.code for reason in decision.reasons]
            log.info("[RISK MANAGER] rejected", bot=bot.config.name, symbol=decision.symbol, codes=codes)
        for reason in decision.reasons:
            if reason.code in ALERTS:
                self._desk.alert(bot, ALERTS[reason.code], reason.code, f"{bot.config.name}: {reason.text}")


@cache
def _block_limits(maximum_volatility: float) -> BlockLimits:
    return BlockLimits(max_sigma_percentile=maximum_volatility)


def live_factor(bot: BotBooks, now_ns: int) -> Decimal:
    """What of the limits on size the bot's account may use."""
    since_ns = bot.account.config.live_since_ns
    return go_live_factor(to_datetime(since_ns) if since_ns else None, now=to_datetime(now_ns))


def _market_view(vector: SignalVector, moved: float = 0.0) -> MarketView:
    return MarketView(bid=vector.bid, ask=vector.ask, ts_ns=vector.quote_ns or 0, moved=moved)


def _market_troubles(vector: SignalVector, now_ns: int) -> tuple[Reason, ...]:
    """Why no price can be used at all now."""
    return tuple(
        reason for reason in market_reasons(_market_view(vector), now_ns=now_ns) if reason.code in UNUSABLE_PRICE
    )
