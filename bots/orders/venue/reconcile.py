"""Comparing an account with its venue: the same pass at the start, after every break of the stream, and every minute.

Everything is read before anything is concluded; a question without an answer ends the pass, and says nothing of what is
there. Passes repeat each other's work without harm: trades are booked once by their ids, transfers only where the
difference still stands.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from uuid import UUID

from msgspec import Struct

from bots.brokers.venue import Venue, VenueOrder, VenueTrade
from bots.orders.connections import Pool
from bots.orders.venue.accounting import (
    Standing,
    attribute,
    differences,
    follow_differences,
    settled,
    totals_of,
)
from bots.orders.venue.books import (
    AccountFacts,
    Owned,
    book_external,
    book_opening,
    book_transfers,
    booked_trades,
    known_orders,
    load_facts,
    save_cursors,
    save_external_orders,
    save_reconciled,
)
from bots.trading.orders import LIVE_STATES
from bots.trading.records import InstrumentRules
from bots.trading.vocabulary import OrderState

# A venue may list a trade minutes late.
OVERLAP_MS = 300_000
# A fill may be told later than the balance it changed.
SETTLE_MS = 90_000
# Beyond that: a difference that is still there was neither explained nor booked.
TELL_AFTER_MS = 30_000
UNSETTLED = frozenset({OrderState.SENDING, OrderState.UNKNOWN})
AT_VENUE = frozenset({OrderState.OPEN, OrderState.PARTIAL})


class News(Struct, frozen=True, kw_only=True):
    """What a venue tells of an order of ours, which may have ended in the books."""

    owned: Owned
    what: VenueOrder | VenueTrade


class Reconciled(Struct, frozen=True, kw_only=True):
    """What a pass found. `live` are orders that have not ended in the books; `missing`, those of them that the books have
    as open and the venue does not list.

    `foreign_orders` and `foreign_trades` are new ones of others; `transfers` the amounts that were booked by asset.
    """

    opened: bool = False
    news: tuple[News, ...] = ()
    missing: tuple[Owned, ...] = ()
    live: tuple[Owned, ...] = ()
    foreign_orders: tuple[VenueOrder, ...] = ()
    foreign_trades: tuple[VenueTrade, ...] = ()
    transfers: dict[str, Decimal] = {}
    standing: dict[str, Decimal] = {}
    problem: str = ""


class _Trades(Struct, kw_only=True):
    news: list[News]
    foreign: list[VenueTrade]
    cursors: dict[int, int]
    disputed: set[str]


class Reconciler:
    """One account at one venue. `awaiting` names assets that fills not yet told will change."""

    def __init__(
        self,
        pool: Pool,
        venue: Venue,
        account_id: int,
        *,
        settle_ms: int = SETTLE_MS,
        awaiting: Callable[[], set[str]] = set,
    ) -> None:
        self._pool = pool
        self._venue = venue
        self._account_id = account_id
        self._settle_ms = settle_ms
        self._awaiting = awaiting
        self._standing: dict[str, Standing] = {}

    async def run(self, *, full: bool = False) -> Reconciled:
        """Read, compare, and book what is certain. Raises VenueUnavailable and psycopg.Error: then nothing is concluded.

        Trades are asked of instruments with a live order or a balance that differs; `full` asks them of every instrument.
        """
        facts = await load_facts(self._pool, self._account_id, differing=self._standing)
        began_ms = await self._now_ms()
        open_orders = await self._venue.open_orders()
        if not facts.opened_ms:
            return await self._open(facts, open_orders)
        known = await known_orders(
            self._pool,
            self._account_id,
            client_ids=[order.client_order_id for order in open_orders],
            venue_ids=[order.venue_order_id for order in open_orders],
        )
        news, missing, foreign = _sort_orders(open_orders, known)
        wanted: Sequence[InstrumentRules] = facts.instruments
        if not full:
            differing = differences(facts.balances, totals_of(await self._venue.balances()))
            wanted = _concerned(facts.instruments, known, differing)
        trades = await self._read_trades(facts, wanted, began_ms)
        fresh_orders = await save_external_orders(
            self._pool, self._account_id, foreign, open_ids=[order.venue_order_id for order in foreign]
        )
        booked, standing = await self._compare_balances(trades.disputed | _disputed(known, facts.instruments))
        await save_cursors(self._pool, self._account_id, trades.cursors)
        problem = _problem(standing, await self._now_ms(), after_ms=self._settle_ms + TELL_AFTER_MS)
        await save_reconciled(self._pool, self._account_id, problem=problem, complete=True)
        return Reconciled(
            opened=True,
            news=(*news, *trades.news),
            missing=tuple(missing),
            live=tuple(owned for owned in known if owned.order.state in LIVE_STATES),
            foreign_orders=tuple(fresh_orders),
            foreign_trades=tuple(trades.foreign),
            transfers=booked,
            standing={asset: found.amount for asset, found in standing.items()},
            problem=problem,
        )

    async def _now_ms(self) -> int:
        return await self._venue.venue_time_ns() // 1_000_000

    async def _open(self, facts: AccountFacts, open_orders: Sequence[VenueOrder]) -> Reconciled:
        """The first pass: what the venue holds becomes what the books hold, at a moment without trades."""
        at_ms = await self._now_ms()
        before = totals_of(await self._venue.balances())
        for rules in facts.instruments:
            if await self._venue.trades(rules.symbol, since_ms=at_ms):
                return Reconciled(problem="the account trades while its opening balances are read")
        if totals_of(await self._venue.balances()) != before:
            return Reconciled(problem="balances change while they are read for the first time")
        await save_external_orders(self._pool, self._account_id, open_orders, open_ids=None)
        await book_opening(self._pool, self._account_id, before, at_ms=at_ms)
        await save_cursors(self._pool, self._account_id, {rules.instrument_id: at_ms for rules in facts.instruments})
        await save_reconciled(self._pool, self._account_id, problem="", complete=True)
        return Reconciled(opened=True)

    async def _read_trades(self, facts: AccountFacts, wanted: Sequence[InstrumentRules], began_ms: int) -> _Trades:
        found = _Trades(news=[], foreign=[], cursors={}, disputed=set())
        for rules in wanted:
            cursor = facts.cursors.get(rules.instrument_id, facts.opened_ms)
            since_ms = max(facts.opened_ms, cursor - OVERLAP_MS)
            trades = await self._venue.trades(rules.symbol, since_ms=since_ms)
            await self._take_trades(
                rules, [trade for trade in trades if _ms(trade) >= facts.opened_ms], found, began_ms
            )
        return found

    async def _take_trades(
        self, rules: InstrumentRules, trades: Sequence[VenueTrade], found: _Trades, began_ms: int
    ) -> None:
        booked = await booked_trades(
            self._pool, self._account_id, rules.instrument_id, [trade.fill.trade_id for trade in trades]
        )
        fresh = [trade for trade in trades if trade.fill.trade_id not in booked]
        found.cursors[rules.instrument_id] = began_ms
        if not fresh:
            return
        history = await self._venue.recent_orders(rules.symbol, since_ms=min(map(_ms, fresh)) - OVERLAP_MS)
        known = await known_orders(
            self._pool,
            self._account_id,
            client_ids=[
                *(trade.client_order_id for trade in fresh),
                *(order.client_order_id for order in history),
            ],
            venue_ids=[trade.venue_order_id for trade in fresh],
        )
        owners = {owned.order.order_id: owned for owned in known}
        sorted_ = attribute(fresh, [owned.order for owned in known], history)
        waiting = [*sorted_.unclear]
        for order_id, mine in sorted_.ours.items():
            found.news += [News(owned=owners[order_id], what=trade) for trade in mine]
            waiting += mine
        if waiting:
            # What is not booked yet is read again by the next pass.
            found.cursors[rules.instrument_id] = min(began_ms, min(map(_ms, waiting)) - 1)
            found.disputed |= {rules.base, rules.quote} | {trade.fill.fee_asset for trade in waiting}
        found.foreign += await book_external(self._pool, self._account_id, rules, sorted_.others)

    async def _compare_balances(self, disputed: set[str]) -> tuple[dict[str, Decimal], dict[str, Standing]]:
        totals = totals_of(await self._venue.balances())
        now_ms = await self._now_ms()
        # After the venue's: a fill booked in between shows as a difference that the next pass no longer finds.
        facts = await load_facts(self._pool, self._account_id)
        found = differences(facts.balances, totals)
        self._standing = follow_differences(self._standing, found, now_ms)
        due = settled(self._standing, now_ms, after_ms=self._settle_ms, disputed=disputed | self._awaiting())
        booked: dict[str, Decimal] = {}
        if due:
            kinds = await book_transfers(self._pool, self._account_id, due, totals)
            booked = {asset: due[asset] for asset in kinds}
            self._standing = {asset: seen for asset, seen in self._standing.items() if asset not in kinds}
        return booked, self._standing


def _concerned(
    instruments: Sequence[InstrumentRules], known: Sequence[Owned], differing: Mapping[str, Decimal]
) -> list[InstrumentRules]:
    """Those in which something may have been traded: where balances agree and nothing is open, nothing was."""
    live = {owned.order.symbol for owned in known if owned.order.state in LIVE_STATES}
    return [
        rules for rules in instruments if rules.symbol in live or rules.base in differing or rules.quote in differing
    ]


def _ms(trade: VenueTrade) -> int:
    return trade.fill.ts_event // 1_000_000


def _sort_orders(
    listed: Sequence[VenueOrder], known: Sequence[Owned]
) -> tuple[list[News], list[Owned], list[VenueOrder]]:
    """Listed orders of ours, ours that are not listed, and listed ones of others."""
    by_client = {owned.order.order_id.hex: owned for owned in known}
    by_venue = {owned.order.venue_order_id: owned for owned in known if owned.order.venue_order_id}
    news, foreign, seen = [], [], set[UUID]()
    for order in listed:
        owned = by_client.get(order.client_order_id) or by_venue.get(order.venue_order_id)
        if owned is None:
            foreign.append(order)
            continue
        seen.add(owned.order.order_id)
        news.append(News(owned=owned, what=order))
    missing = [found for found in known if found.order.state in AT_VENUE and found.order.order_id not in seen]
    return news, missing, foreign


def _disputed(known: Sequence[Owned], instruments: Sequence[InstrumentRules]) -> set[str]:
    """Assets that orders without an answer may have changed."""
    symbols = {owned.order.symbol for owned in known if owned.order.state in UNSETTLED}
    return {asset for rules in instruments if rules.symbol in symbols for asset in (rules.base, rules.quote)}


def _problem(standing: dict[str, Standing], now_ms: int, *, after_ms: int) -> str:
    told = [
        f"{asset} by {found.amount.normalize():+f}"
        for asset, found in sorted(standing.items())
        if now_ms - found.since_ms >= after_ms
    ]
    return "the venue's balances differ from the books: " + ", ".join(told) if told else ""
