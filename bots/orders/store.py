"""The order path as one object: what engine and monitor hold."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from bots.orders import leases, sql
from bots.orders.connections import Pool, RowConnection
from bots.orders.decisions import store_decisions, to_json
from bots.orders.dust import write_off
from bots.orders.latch import latch
from bots.orders.leases import LeaseTerms
from bots.orders.load import EngineState, load_engine_state
from bots.orders.marks import Mark, save_marks
from bots.orders.record import record
from bots.orders.recovery import recover
from bots.orders.results import Recorded, Recovery, StaleLease
from bots.orders.submit import submit
from bots.trading.limits import DEFAULT_CONTROLS, Controls
from bots.trading.positions import ClosedPosition
from bots.trading.records import DecisionRecord, Denied, LeaseToken, OrderPlan, Restriction, SubmittedOrder, VenueReport
from bots.trading.vocabulary import Ladder


class OrderStore:
    """Orders, positions, balances and leases in the database, by async psycopg."""

    def __init__(self, pool: Pool, *, terms: LeaseTerms, controls: Controls = DEFAULT_CONTROLS) -> None:
        self.pool = pool
        self.terms = terms
        self.controls = controls

    async def submit(
        self, plan: OrderPlan, decision: DecisionRecord, lease: LeaseToken, now_ns: int
    ) -> SubmittedOrder | Denied:
        """Pass the gate: see `bots.orders.submit`."""
        return await submit(
            self.pool, plan, decision, lease, now_ns, margin_s=self.terms.margin_s, controls=self.controls
        )

    async def record(self, report: VenueReport, lease: LeaseToken | None) -> Recorded | StaleLease:
        """Book what a venue reports: see `bots.orders.record`."""
        return await record(self.pool, report, lease)

    async def recover(self, tokens: Iterable[LeaseToken]) -> Recovery:
        """Settle what a dead owner left behind: see `bots.orders.recovery`."""
        return await recover(self.pool, tokens)

    async def write_off(
        self, position_id: int, decision: DecisionRecord, lease: LeaseToken, now_ns: int
    ) -> ClosedPosition | None:
        """End a position that no order can end: see `bots.orders.dust`."""
        return await write_off(self.pool, position_id, decision, lease, now_ns)

    async def load(self, bot_ids: Sequence[int], now_ns: int) -> EngineState:
        return await load_engine_state(self.pool, bot_ids, now_ns)

    async def store_decisions(self, decisions: Iterable[DecisionRecord]) -> None:
        await store_decisions(self.pool, decisions)

    async def save_marks(self, marks: Sequence[Mark]) -> set[int]:
        return await save_marks(self.pool, marks)

    async def acquire(
        self, holder: str, *, limit: int = 10_000, bot_ids: Sequence[int] | None = None
    ) -> list[LeaseToken]:
        return await leases.acquire(self.pool, holder=holder, terms=self.terms, limit=limit, bot_ids=bot_ids)

    async def renew(self, tokens: Iterable[LeaseToken], holder: str) -> list[LeaseToken]:
        return await leases.renew(self.pool, tokens, holder=holder, terms=self.terms)

    async def release(self, tokens: Iterable[LeaseToken], holder: str) -> list[int]:
        return await leases.release(self.pool, tokens, holder=holder)

    async def request_cancel(self, order_id: UUID, lease: LeaseToken) -> bool:
        """Mark an order as to be cancelled, before the venue is asked; false where it has ended or is another's."""
        values = {"order_id": order_id, "epoch": lease.epoch, "holder": lease.holder}
        async with self.pool.connection() as connection:
            requested = await connection.execute(sql.REQUEST_CANCEL, values)
            return await requested.fetchone() is not None

    async def halt_bot(self, bot_id: int, reason: str) -> None:
        """Put a bot into the state error: its entries stop, its exits go on."""
        async with self.pool.connection() as connection:
            await connection.execute(sql.HALT_BOT, {"bot_id": bot_id, "reason": reason[:300]})
            await self._audit(connection, "bot.halt", bot_id, reason)

    async def restrict_bot(self, lease: LeaseToken, ladder: Ladder, reason: str) -> bool:
        """Tighten a bot's ladder by the system, e.g. REDUCE on drawdown; never loosens. True where it changed."""
        restriction = Restriction(ladder=ladder, scope="bot", reason=reason)
        return await latch(self.pool, restriction, lease, account_id=0)

    @staticmethod
    async def _audit(connection: RowConnection, action: str, bot_id: int, reason: str) -> None:
        values = {"action": action, "target": f"bot:{bot_id}", "detail": to_json({"reason": reason})}
        await connection.execute(sql.AUDIT, values)
