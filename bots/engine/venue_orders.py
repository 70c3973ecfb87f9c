"""The orders of one account at its venue: sent, asked about, cancelled, and heard of, each to its end.

What a venue says becomes a report, and reports go to the order's own symbol, so that books change in one place only.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from uuid import UUID

import psycopg
import structlog

from bots.brokers.venue import Answer, OrderRef, Outcome, Venue, VenueBalance, VenueOrder, VenueTrade, VenueUnavailable
from bots.engine.books import BotBooks
from bots.engine.venue_link import VenueLink
from bots.engine.venue_notices import VenueNotices
from bots.orders.record import record
from bots.orders.recovery import load_venue_orders
from bots.orders.results import Recorded, VenueOrderState
from bots.orders.store import OrderStore
from bots.orders.venue.accounting import client_uuid
from bots.orders.venue.books import Owned, book_external, known_orders, load_facts
from bots.orders.venue.following import Ask, Followed
from bots.orders.venue.look import BEFORE_MS, look_for, read_account
from bots.orders.venue.reconcile import News
from bots.trading.orders import TERMINAL_STATES
from bots.trading.records import InstrumentRules, LeaseToken, SubmittedOrder, VenueReport
from bots.trading.vocabulary import OrderState

log = structlog.get_logger(__name__)

# Gives a report to the symbol's own worker; false where none is there.
Post = Callable[[BotBooks, InstrumentRules, VenueReport], bool]

TELL_UNCLEAR_MS = 60_000
AT_ONCE = 16
LOST_AFTER_MS = 30_000


class VenueOrders:
    """Every order of this engine's bots that has not ended at the venue. `reconcile` asks for a pass over the account."""

    def __init__(
        self,
        account_id: int,
        link: VenueLink,
        *,
        store: OrderStore,
        bots: dict[int, BotBooks],
        post: Post,
        notices: VenueNotices,
        reconcile: Callable[[], None],
    ) -> None:
        self.followed: dict[UUID, Followed] = {}
        self.wake = asyncio.Event()
        self._account_id = account_id
        self._link = link
        self._store = store
        self._bots = bots
        self._post = post
        self._notices = notices
        self._reconcile = reconcile
        self._tasks: set[asyncio.Task[None]] = set()
        self._places = asyncio.Semaphore(AT_ONCE)
        self._sending: set[UUID] = set()

    # --- For the tick path: nothing here waits -----------------------------------------------------------------

    def send(self, order: SubmittedOrder) -> None:
        """Send an order that passed the gate, once, in a task of its own."""
        followed = self.followed[order.order_id] = Followed(order)
        self._sending.add(order.order_id)
        self._spawn(self._send(followed))

    def cancel(self, order_id: UUID) -> None:
        """Ask for a cancel, again and again until there is evidence of the order's end."""
        followed = self.followed.get(order_id)
        if followed is not None:
            followed.request_cancel()
            self.wake.set()

    def follow(self, found: VenueOrderState) -> None:
        """Take an order over as the books have it."""
        order_id = found.order.order_id
        held = self.followed.get(order_id)
        if held is not None and order_id in self._sending:
            # Its answer is still awaited: nobody else knows what it will say.
            held.restart(found.state)
            return
        self.followed[order_id] = followed_of(found)
        self.wake.set()

    def recorded(self, report: VenueReport, answer: Recorded) -> None:
        """The books have taken a report, or refused parts of it."""
        followed = self.followed.get(report.order_id)
        if followed is None:
            return
        booked = {fill.trade_id for fill in answer.fills}
        refused = [fill.trade_id for fill in report.fills if fill.trade_id not in booked] if answer.halted else []
        told = [fill.trade_id for fill in report.fills if fill.trade_id not in refused]
        followed.recorded(answer.order.state, told, now_ms=self._link.now_ms())
        excess = followed.refused(refused)
        if excess:
            self._spawn(self._book_excess(followed, [fill.trade_id for fill in excess]))
        if followed.is_done:
            self._drop(followed)
        self.wake.set()

    def forget(self, order_id: UUID) -> None:
        """Another answers for an order, or it is about to be taken over anew."""
        if order_id not in self._sending:
            self.followed.pop(order_id, None)

    # --- Asking -----------------------------------------------------------------------------------------------

    def tend(self, venue: Venue) -> None:
        """Ask what is due of every order, and tell of those whose fate stays unclear."""
        now_ms = self._link.now_ms()
        for followed in list(self.followed.values()):
            if followed.is_done:
                self._drop(followed)
                continue
            ask = followed.due(now_ms)
            if ask is not None:
                followed.asked()
                self._spawn(self._ask(venue, followed, ask))
            self._tell_unclear(followed, now_ms)

    async def close(self) -> None:
        """End the tasks. What was being sent is found again by whoever takes the bots."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _send(self, followed: Followed) -> None:
        order, venue = followed.order, self._link.venue
        try:
            now_ns = self._link.time_ns()
            if venue is None or now_ns is None:
                answer = Answer(outcome=Outcome.NOT_SENT, error="the venue was not connected when it was to be sent")
            elif now_ns // 1_000_000 > order.valid_until_ms:
                answer = Answer(outcome=Outcome.NOT_SENT, error="its window was over before it was sent")
            else:
                answer = await venue.place(order)
        except Exception as error:
            # Whatever happened on the way, it may have arrived.
            log.exception("order.send.failed", order=followed.client_order_id)
            answer = Answer(outcome=Outcome.UNCLEAR, error=f"{type(error).__name__}: {error}")
        finally:
            self._sending.discard(order.order_id)
        if answer.outcome is not Outcome.FOUND:
            log.warning(
                "[TRADE EXECUTION] sending", order=followed.client_order_id, outcome=answer.outcome.value,
                code=answer.code, error=answer.error,
            )  # fmt: skip
        await self._deliver(followed, followed.placed(answer, self._link.now_ms()))
        self.wake.set()

    async def _ask(self, venue: Venue, followed: Followed, ask: Ask) -> None:
        async with self._places:
            try:
                reports = await self._put_question(venue, followed, ask)
            except (VenueUnavailable, psycopg.Error) as error:
                log.info("venue.ask.unanswered", ask=ask.value, order=followed.client_order_id, error=str(error))
                reports = followed.failed(self._link.now_ms())
            except Exception:
                log.exception("venue.ask.failed", ask=ask.value, order=followed.client_order_id)
                reports = followed.failed(self._link.now_ms())
        if followed.is_live_after_its_end:
            await self._notices.lives_after_its_end(followed)
        await self._deliver(followed, reports)

    async def _put_question(self, venue: Venue, followed: Followed, ask: Ask) -> list[VenueReport]:
        plan = followed.order.plan
        ref = OrderRef(
            symbol=plan.rules.symbol,
            client_order_id=followed.client_order_id,
            venue_order_id=followed.venue_order_id,
            side=plan.side,
        )
        if ask is Ask.CANCEL:
            return followed.cancelled(await venue.cancel(ref), self._link.now_ms())
        if ask is Ask.FIND:
            return followed.found(await venue.find(ref), self._link.now_ms())
        if ask is Ask.TRADES:
            trades = await venue.trades(plan.rules.symbol, since_ms=followed.order.sign_ts_ms - BEFORE_MS)
            return followed.traded(trades, self._link.now_ms())
        reading = await read_account(venue, followed)
        facts = await load_facts(self._store.pool, self._account_id)
        known = await known_orders(
            self._store.pool,
            self._account_id,
            client_ids=[
                *(found.client_order_id for found in reading.history),
                *(trade.client_order_id for trade in reading.trades),
            ],
            venue_ids=[trade.venue_order_id for trade in reading.trades],
        )
        seen = look_for(followed, reading, ours=facts.balances, known=[found.order for found in known])
        return followed.looked(seen.look, seen.order, seen.trades, self._link.now_ms())

    async def _deliver(self, followed: Followed, reports: Sequence[VenueReport]) -> None:
        """To the symbol's worker; where there is none, straight to the books."""
        plan = followed.order.plan
        bot = self._bots.get(plan.bot_id)
        for report in reports:
            if bot is not None and self._post(bot, plan.rules, report):
                continue
            await self._record(followed, report, bot)

    async def _record(self, followed: Followed, report: VenueReport, bot: BotBooks | None) -> None:
        try:
            answer = await record(self._store.pool, report, bot.token if bot is not None else None)
        except psycopg.Error as error:
            log.error("venue.record.failed", order=followed.client_order_id, error=str(error))
            # The next reconciliation finds it again.
            self.followed.pop(report.order_id, None)
            return
        if isinstance(answer, Recorded):
            self.recorded(report, answer)
        if bot is not None:
            bot.suspended = "an order of it was settled where nobody followed the symbol"

    def _drop(self, followed: Followed) -> None:
        if followed.order.order_id not in self._sending:
            self.followed.pop(followed.order.order_id, None)

    def _tell_unclear(self, followed: Followed, now_ms: int) -> None:
        since_ms = followed.unclear_since_ms
        if since_ms is not None and now_ms - since_ms >= TELL_UNCLEAR_MS:
            self._notices.unclear(followed, (now_ms - since_ms) // 1000)

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("venue.task.failed", account=self._account_id, exc_info=error)

    async def _book_excess(self, followed: Followed, trade_ids: Iterable[str]) -> None:
        """Fills that no position can take are the account's all the same."""
        if self._link.venue is None:
            return
        wanted, rules = set(trade_ids), followed.order.plan.rules
        trades = await self._link.venue.trades(rules.symbol, since_ms=followed.order.sign_ts_ms - BEFORE_MS)
        excess = [trade for trade in trades if trade.fill.trade_id in wanted]
        await book_external(self._store.pool, self._account_id, rules, excess, order_id=followed.order.order_id)

    # --- What the venue tells ---------------------------------------------------------------------------------

    async def hear(self, news: VenueOrder | VenueTrade | VenueBalance) -> None:
        if isinstance(news, VenueBalance):
            return
        followed = self._followed_by(news)
        if followed is not None:
            await self._deliver(followed, followed.heard(news, self._link.now_ms()))
            return
        # Somebody else's, or one that had ended: a pass over the whole account tells them apart.
        if client_uuid(news.client_order_id) is None or isinstance(news, VenueTrade):
            self._reconcile()
            return
        for owned in await known_orders(
            self._store.pool,
            self._account_id,
            client_ids=[news.client_order_id],
            venue_ids=[news.venue_order_id],
        ):
            if owned.order.order_id.hex == news.client_order_id or owned.order.venue_order_id == news.venue_order_id:
                await self.take_news(News(owned=owned, what=news))
                return
        self._reconcile()

    def _followed_by(self, news: VenueOrder | VenueTrade) -> Followed | None:
        named = client_uuid(news.client_order_id)
        if named is not None:
            return self.followed.get(named)
        return next((found for found in self.followed.values() if found.is_mine(news)), None)

    async def take_news(self, news: News) -> None:
        """News of an order of ours, followed or not, ended or not; those of other engines are theirs."""
        owned = news.owned
        followed = self.followed.get(owned.order.order_id)
        if followed is None:
            bot = self._bots.get(owned.order.bot_id)
            if (bot is None or bot.lost) and owned.holder:
                return
            if _is_old(news):
                return
            token = bot.token if bot is not None else LeaseToken(bot_id=owned.order.bot_id, holder="", epoch=0)
            loaded = await load_venue_orders(self._store.pool, [owned.order.order_id], token)
            if not loaded:
                return
            followed = self.followed[owned.order.order_id] = followed_of(loaded[0])
        await self._deliver(followed, followed.heard(news.what, self._link.now_ms()))

    async def follow_live(self, owned: Owned) -> None:
        """An order of a bot of this engine that nobody follows: its report was dropped with a lease, or by an outage."""
        order, bot = owned.order, self._bots.get(owned.order.bot_id)
        if bot is None or bot.lost or bot.suspended or order.order_id in self.followed:
            return
        if order.state is OrderState.SENDING and self._link.now_ms() < order.sign_ts_ms + LOST_AFTER_MS:
            return
        for found in await load_venue_orders(self._store.pool, [order.order_id], bot.token):
            followed = self.followed[order.order_id] = followed_of(found)
            if followed.state is OrderState.SENDING:
                lost = Answer(outcome=Outcome.UNCLEAR, error="its answer was lost")
                await self._deliver(followed, followed.placed(lost, self._link.now_ms()))

    def look_for(self, owned: Owned) -> None:
        """The books have it open, and the venue does not list it."""
        followed, venue = self.followed.get(owned.order.order_id), self._link.venue
        if followed is not None and venue is not None and followed.may_be_asked:
            followed.asked()
            self._spawn(self._ask(venue, followed, Ask.FIND))

    def awaiting(self) -> set[str]:
        """Assets that trades not yet told will change."""
        return {
            asset
            for followed in self.followed.values()
            if followed.awaits_trades or followed.state in (OrderState.SENDING, OrderState.UNKNOWN)
            for asset in (followed.order.plan.rules.base, followed.order.plan.rules.quote)
        }


def _is_old(news: News) -> bool:
    """Whether it only repeats that an order has ended."""
    has_ended = isinstance(news.what, VenueOrder) and news.what.state in TERMINAL_STATES
    return has_ended and news.owned.order.state in TERMINAL_STATES


def followed_of(found: VenueOrderState) -> Followed:
    return Followed(
        found.order,
        state=found.state,
        booked=found.booked,
        venue_order_id=found.venue_order_id,
        cancel_requested=found.cancel_requested,
        acknowledged=found.acknowledged,
        since_ms=found.since_ms,
    )
