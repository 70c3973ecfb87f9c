"""One order of ours at a venue, from its sending to its end: what to ask next, and what the answers prove.

No I/O and no clock: whoever drives it performs what `due` asks, hands in what comes back, and records the reports.
All times are venue time in milliseconds.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Any

from bots.brokers.venue import Answer, Outcome, VenueOrder, VenueTrade
from bots.orders.venue.absence import Absence, Look, look_from_ms, missing, window_ends_ms
from bots.trading.orders import TERMINAL_STATES
from bots.trading.records import SubmittedOrder, VenueFill, VenueReport
from bots.trading.vocabulary import OrderState, OrderType

S = OrderState

LIVE_AT_VENUE = frozenset({S.OPEN, S.PARTIAL})
# Between questions; a look at a whole account costs a venue's budget much.
DELAYS_MS = (0, 250, 500, 1_000, 2_000, 2_500, 5_000, 5_000, 10_000, 10_000, 20_000, 30_000)
CANCEL_DELAY_MS = 5_000
RAW_LIMIT = 2_000
KEPT_NOT_FOUND = 8


class Ask(StrEnum):
    """What a venue is asked about one order."""

    FIND = "find"
    TRADES = "trades"
    CANCEL = "cancel"
    LOOK = "look"


class Followed:
    """`state` is that of the books; `booked` the quantities of trades that are in them.

    An order that had ended in the books and is heard of again (`is_late`) is followed too: cancelled where it still
    lives, its fills booked once it has ended.
    """

    def __init__(
        self,
        order: SubmittedOrder,
        *,
        state: OrderState = S.SENDING,
        booked: Mapping[str, Decimal] | None = None,
        venue_order_id: str = "",
        cancel_requested: bool = False,
        acknowledged: bool = False,
        since_ms: int = 0,
    ) -> None:
        self.order = order
        self.state = state
        self.venue_order_id = venue_order_id
        self.cancel_requested = cancel_requested
        self.is_late = state in TERMINAL_STATES
        # Since when its fate is not known, or its fills are missing: people are told after a minute.
        self.unclear_since_ms: int | None = since_ms if state is S.UNKNOWN else None
        self.lacks: tuple[str, ...] = ()
        self._acknowledged = acknowledged or bool(booked) or bool(venue_order_id)
        self._booked: dict[str, Decimal] = dict(booked or {})
        self._heard: dict[str, VenueFill] = {}
        self._end: OrderState | None = None
        self._venue_filled = Decimal(0)
        self._is_seen_live = False
        self._not_found_ms: tuple[int, ...] = ()
        self._look: Look | None = None
        self._asking = False
        self._is_over = False
        self._unrecorded = 0
        self._turn = 0
        self._tries = 0
        self._next_ms = 0

    # --- What to do next --------------------------------------------------------------------------------------

    @property
    def client_order_id(self) -> str:
        return self.order.order_id.hex

    @property
    def is_done(self) -> bool:
        if self._unrecorded or self._asking:
            return False
        if self.is_late:
            return self._end is not None and not self.awaits_trades and not self._fresh
        return self.state in TERMINAL_STATES

    @property
    def is_live_after_its_end(self) -> bool:
        """The venue shows it alive though it had ended in the books."""
        return self.is_late and self._is_seen_live and self._end is None

    @property
    def awaits_trades(self) -> bool:
        """The venue has ended it and says more was filled than it has told the trades of."""
        return self._end is not None and self._known < self._promised

    @property
    def may_be_asked(self) -> bool:
        return not (self._asking or self._unrecorded or self.is_done)

    def due(self, now_ms: int) -> Ask | None:
        """What to ask the venue now, if anything; `asked` must be told when it is done."""
        if not self.may_be_asked:
            return None
        if not self._is_over and now_ms > window_ends_ms(self.order.valid_until_ms):
            # From now on an answer can prove something.
            self._is_over = True
            self.hurry()
        if now_ms < self._next_ms:
            return None
        asks = self._asks(now_ms)
        return asks[self._turn % len(asks)] if asks else None

    def _asks(self, now_ms: int) -> tuple[Ask, ...]:
        if self.state is S.SENDING or self.state is S.PLANNED:
            return ()
        if self.awaits_trades:
            return (Ask.TRADES, Ask.FIND)
        if self.is_late:
            return (Ask.CANCEL, Ask.FIND) if self.is_live_after_its_end else (Ask.FIND,)
        cancel = (Ask.CANCEL,) if self.cancel_requested else ()
        if self.state is S.UNKNOWN:
            is_over = now_ms > look_from_ms(self.order.valid_until_ms)
            return (*cancel, Ask.FIND, Ask.LOOK) if is_over else (*cancel, Ask.FIND)
        if cancel:
            return (Ask.CANCEL, Ask.FIND)
        # Immediate or cancel: what is not told by its answer is known to the venue at once.
        return (Ask.FIND,) if self.order.plan.order_type is OrderType.MARKET else ()

    def asked(self) -> None:
        self._asking = True

    def hurry(self) -> None:
        """Ask at the next moment, from the beginning of the turn: something new is known or wanted."""
        self._turn = self._tries = self._next_ms = 0

    def restart(self, state: OrderState) -> None:
        """The books were read again, and what waited to be recorded was recorded or dropped."""
        self._unrecorded = 0
        self.state = state
        self.hurry()

    def request_cancel(self) -> None:
        self.cancel_requested = True
        self.hurry()

    # --- What came back ---------------------------------------------------------------------------------------

    def placed(self, answer: Answer, now_ms: int) -> list[VenueReport]:
        """The answer to the sending. Only a typed refusal and a proof of not having sent say that nothing happened."""
        if answer.outcome is Outcome.FOUND and answer.order is not None:
            return self._see(answer.order, answer.trades, now_ms, answer)
        if self._acknowledged or self.state not in (S.SENDING, S.UNKNOWN):
            # It was heard of before its answer came: what says less takes nothing back.
            self.hurry()
            return []
        if answer.outcome is Outcome.REJECTED:
            return self._put(S.REJECTED, error=answer.error or answer.code, evidence=evidence_of(answer))
        unknown = self._unknown(answer, now_ms) if self.state is S.SENDING else []
        if answer.outcome is Outcome.NOT_SENT:
            proof = {"not_sent": answer.error or answer.code or "it never left this process"}
            return unknown + self._put(S.ABSENT, error=answer.error, evidence=evidence_of(answer) | proof)
        return unknown

    def found(self, answer: Answer, now_ms: int) -> list[VenueReport]:
        """The answer to a query."""
        self._done_asking(now_ms)
        if answer.outcome is Outcome.FOUND and answer.order is not None:
            return self._see(answer.order, answer.trades, now_ms, answer)
        if answer.outcome is not Outcome.NOT_FOUND:
            return []
        self._not_found_ms = (*self._not_found_ms, now_ms)[-KEPT_NOT_FOUND:]
        if self.is_late:
            return self._late_without_order(now_ms)
        if self.state in LIVE_AT_VENUE and not self.awaits_trades:
            return self._unknown(answer, now_ms)
        return self._judge()

    def cancelled(self, answer: Answer, now_ms: int) -> list[VenueReport]:
        """The answer to a request to cancel: only a found order is evidence."""
        self._done_asking(now_ms)
        if answer.outcome is Outcome.FOUND and answer.order is not None:
            return self._see(answer.order, answer.trades, now_ms, answer)
        if answer.outcome in (Outcome.NOT_FOUND, Outcome.REJECTED):
            self._next_ms = 0
        if answer.outcome is Outcome.NOT_FOUND and self.is_late:
            # It ended once on evidence, and there is nothing to cancel: a query that shows it alive is behind.
            return self._late_without_order(now_ms)
        return []

    def traded(self, trades: Iterable[VenueTrade] | None, now_ms: int) -> list[VenueReport]:
        """The trades of its symbol since it was signed; None where they could not be had."""
        self._done_asking(now_ms)
        if trades is None:
            return []
        self._hear(trade for trade in trades if self.is_mine(trade))
        return self._report(now_ms, {"source": "trades"})

    def looked(
        self, look: Look | None, seen: VenueOrder | None, trades: Iterable[VenueTrade], now_ms: int
    ) -> list[VenueReport]:
        """A look at the whole account: the order where it was seen, its trades, and what else there was."""
        self._done_asking(now_ms)
        self._hear(trade for trade in trades if self.is_mine(trade))
        if seen is not None:
            return self._see(seen, (), now_ms)
        if self._heard:
            self._acknowledged = True
            return self._report(now_ms, {"source": "trades"})
        self._look = look
        return self._judge()

    def failed(self, now_ms: int) -> list[VenueReport]:
        """A question without a readable answer: it proves nothing."""
        self._done_asking(now_ms)
        return []

    def heard(self, news: VenueOrder | VenueTrade, now_ms: int) -> list[VenueReport]:
        """What the private stream or a reconciliation tells of it."""
        if isinstance(news, VenueOrder):
            return self._see(news, (), now_ms)
        self._acknowledged = True
        self.venue_order_id = self.venue_order_id or news.venue_order_id
        self._hear((news,))
        if self.is_late and self._end is None:
            self.hurry()
            return []
        return self._report(now_ms, {"source": "trade"})

    def recorded(self, state: OrderState, trade_ids: Iterable[str] = (), *, now_ms: int) -> None:
        """The books have taken a report: where the order stands there, and which fills are in."""
        self._unrecorded = max(0, self._unrecorded - 1)
        for trade_id in trade_ids:
            fill = self._heard.pop(trade_id, None)
            if fill is not None:
                self._booked[trade_id] = fill.quantity
        if state is not self.state:
            self.state = state
            self.hurry()
        self._note_clarity(now_ms)

    def refused(self, trade_ids: Iterable[str]) -> list[VenueFill]:
        """Fills that the books cannot take, for the rest of the account to carry; they are not offered again."""
        given = [self._heard.pop(trade_id) for trade_id in trade_ids if trade_id in self._heard]
        self._booked.update({fill.trade_id: fill.quantity for fill in given})
        return given

    def is_mine(self, news: VenueOrder | VenueTrade) -> bool:
        if news.client_order_id:
            return news.client_order_id == self.client_order_id
        return bool(self.venue_order_id) and news.venue_order_id == self.venue_order_id

    # --- Working it out ---------------------------------------------------------------------------------------

    @property
    def _fresh(self) -> tuple[VenueFill, ...]:
        return tuple(fill for fill in self._heard.values() if fill.trade_id not in self._booked)

    @property
    def _known(self) -> Decimal:
        return sum(self._booked.values(), Decimal(0)) + sum((fill.quantity for fill in self._fresh), Decimal(0))

    @property
    def _promised(self) -> Decimal:
        """What was filled by the venue's word, which may come before the trades."""
        return max(self._venue_filled, self.order.plan.quantity if self._end is S.FILLED else Decimal(0))

    def _hear(self, trades: Iterable[VenueTrade]) -> None:
        for trade in trades:
            if trade.fill.trade_id not in self._booked:
                self._heard[trade.fill.trade_id] = trade.fill

    def _see(
        self, order: VenueOrder, trades: Iterable[VenueTrade], now_ms: int, answer: Answer | None = None
    ) -> list[VenueReport]:
        self._acknowledged = True
        self._not_found_ms, self._look = (), None
        self.venue_order_id = order.venue_order_id or self.venue_order_id
        self._hear(trades)
        # What has been filled stays filled, and what has ended has ended, however late an older message comes.
        self._venue_filled = max(self._venue_filled, order.filled)
        if order.state in TERMINAL_STATES:
            if self._end is None or order.state is S.FILLED:
                self._end = order.state
                self.hurry()
        else:
            self._is_seen_live = True
        evidence = evidence_of(answer) if answer is not None else {"source": "stream"}
        return self._report(now_ms, evidence | {"venue_state": order.state, "venue_filled": order.filled})

    def _report(self, now_ms: int, evidence: dict[str, Any]) -> list[VenueReport]:
        """What the books are to be told: an end only once every fill that the venue speaks of is known."""
        if self.is_late:
            return self._late(evidence)
        if self._end is None or self.awaits_trades:
            self._note_clarity(now_ms)
            return self._put(S.PARTIAL if self._known else S.OPEN, evidence=evidence)
        return self._put(self._ending(), evidence=evidence)

    def _ending(self) -> OrderState:
        if self._known >= self.order.plan.quantity:
            return S.FILLED
        if self._end is S.CANCELED and self.order.plan.order_type is OrderType.MARKET and not self.cancel_requested:
            # Every venue has its own word for what an immediate-or-cancel order did not get.
            return S.EXPIRED
        if self._end in (S.REJECTED, S.FILLED) and self.state in LIVE_AT_VENUE:
            return S.CANCELED
        return self._end or S.CANCELED

    def _late(self, evidence: dict[str, Any]) -> list[VenueReport]:
        if self._end is None or self.awaits_trades or not self._fresh:
            return []
        state = S.FILLED if self._known >= self.order.plan.quantity else S.CANCELED
        return self._put(state, evidence=evidence | {"late": self.state})

    def _late_without_order(self, now_ms: int) -> list[VenueReport]:
        """Trades of an order that the venue no longer knows: they are real, and it lives no more."""
        self._end = self._end or S.CANCELED
        return self._report(now_ms, {"source": "trades"})

    def _unknown(self, answer: Answer, now_ms: int) -> list[VenueReport]:
        if self.unclear_since_ms is None:
            self.unclear_since_ms = now_ms
        self.hurry()
        return self._put(S.UNKNOWN, error=answer.error or answer.code, evidence=evidence_of(answer))

    def _judge(self) -> list[VenueReport]:
        if self.state is not S.UNKNOWN or self._unrecorded:
            return []
        known = Absence(
            side=self.order.plan.side,
            valid_until_ms=self.order.valid_until_ms,
            acknowledged=self._acknowledged,
            not_found_ms=self._not_found_ms,
            look=self._look,
        )
        self.lacks = missing(known)
        if self.lacks:
            return []
        proof = {"absent": known, "because": "nothing of it arrived, and nothing of it still can"}
        return self._put(S.ABSENT, error="the venue never had it", evidence=proof)

    def _put(self, state: OrderState, *, error: str = "", evidence: dict[str, Any]) -> list[VenueReport]:
        fills = self._fresh if state not in (S.UNKNOWN, S.ABSENT, S.REJECTED) else ()
        if not fills and state is self.state:
            return []
        self._unrecorded += 1
        report = VenueReport(
            order_id=self.order.order_id,
            state=state,
            fills=fills,
            venue_order_id=self.venue_order_id,
            error=error,
            evidence=evidence,
        )
        return [report]

    def _done_asking(self, now_ms: int) -> None:
        self._asking = False
        self._turn += 1
        self._tries += 1
        delay_ms = DELAYS_MS[min(self._tries, len(DELAYS_MS) - 1)]
        self._next_ms = now_ms + (min(delay_ms, CANCEL_DELAY_MS) if self.cancel_requested else delay_ms)

    def _note_clarity(self, now_ms: int) -> None:
        if self.state is not S.UNKNOWN and not self.awaits_trades:
            self.unclear_since_ms = None
        elif self.unclear_since_ms is None:
            self.unclear_since_ms = now_ms


def evidence_of(answer: Answer) -> dict[str, Any]:
    """What is kept of an answer."""
    kept: dict[str, Any] = {"outcome": answer.outcome, "code": answer.code}
    raw = answer.raw or (answer.order.raw if answer.order is not None else {})
    text = repr(raw)
    kept["raw"] = raw if len(text) <= RAW_LIMIT else {"cut": text[:RAW_LIMIT]}
    return kept
