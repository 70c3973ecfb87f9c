"""The gate: one transaction that decides, reserves and records an order before it may be sent.

Intent and order are written, limits are checked and reserved under row locks, and lease and ladders are read FOR SHARE
in the same transaction: after its commit, and only then, the order may be sent, once.
"""

import hashlib
import uuid
from datetime import timedelta
from typing import Any

import msgspec
from psycopg import OperationalError
from psycopg.errors import DeadlockDetected, LockNotAvailable, SerializationFailure, UniqueViolation

from bots.orders import sql
from bots.orders.connections import Pool, RowConnection
from bots.orders.decisions import decision_values, insert_decisions, rejected, to_json
from bots.orders.due import restriction_due
from bots.orders.gate import Gate, exposures, judge
from bots.orders.latch import latch
from bots.orders.times import day_start_ns, to_datetime, week_start_ns
from bots.trading.limits import Controls
from bots.trading.money import ZERO, multiply_up
from bots.trading.records import DecisionRecord, Denied, LeaseToken, OrderPlan, Reason, Restriction, SubmittedOrder
from bots.trading.risk import RiskCode
from bots.trading.vocabulary import Purpose, Side

NAMESPACE = uuid.UUID("5d0d1a4e-6d0e-4e0b-9d5c-1b2f6b7f2c11")
VALID_FOR_MS = 2_000
RETRIES = 3


def intent_id_of(plan: OrderPlan) -> uuid.UUID:
    """The same decision always gets the same id, in a replay too."""
    key = f"{plan.bot_id}:{plan.rules.instrument_id}:{plan.side}:{plan.purpose}:{plan.slot}"
    return uuid.uuid5(NAMESPACE, key)


def order_id_of(intent_id: uuid.UUID, attempt: int) -> uuid.UUID:
    """The client order id of one attempt."""
    return uuid.uuid5(intent_id, str(attempt))


def reservation(plan: OrderPlan) -> tuple[str, Any]:
    """What an order holds back: quote at its worst price for a buy, base for a sell."""
    if plan.side is Side.BUY:
        return plan.rules.quote, multiply_up(plan.quantity, plan.limit_price)
    return plan.rules.base, plan.quantity


def payload_hash(plan: OrderPlan, order_id: uuid.UUID, sign_ts_ms: int) -> str:
    """Of what would be sent: proof of what the order said."""
    payload = (
        order_id.hex, plan.rules.symbol, plan.side, plan.order_type, plan.quantity, plan.limit_price, sign_ts_ms
    )  # fmt: skip
    return hashlib.sha256(msgspec.json.encode(payload)).hexdigest()


async def submit(
    pool: Pool,
    plan: OrderPlan,
    decision: DecisionRecord,
    lease: LeaseToken,
    now_ns: int,
    *,
    margin_s: float,
    controls: Controls,
) -> SubmittedOrder | Denied:
    """Pass the gate, or be refused with reasons. One durable commit; nothing is awaited between gate and commit but it.

    now_ns: venue time, which the order is signed with. margin_s: what the lease must still last. A refused decision is stored as
    rejected. Raises psycopg.OperationalError where the database cannot say: then the order must not be sent.
    """
    order = _prepare(plan, decision, lease, now_ns)
    values = _values(order, decision, lease, margin_s=margin_s, controls=controls)
    for attempt in range(RETRIES):
        try:
            reasons, due = await _pass_gate(pool, plan, values, controls)
            break
        except UniqueViolation as error:
            reasons, due = (_unique_reason(error),), None
            break
        except (DeadlockDetected, LockNotAvailable, SerializationFailure):
            if attempt == RETRIES - 1:
                raise
        except OperationalError:
            # The commit may have happened though its answer was lost.
            if await _was_committed(pool, values):
                return order
            raise
    else:  # pragma: no cover
        raise AssertionError("the loop returns or raises")
    if due is not None and not await latch(pool, due, lease, plan.account_id):
        due = None
    if not reasons:
        return msgspec.structs.replace(order, latched=due)
    if RiskCode.LEASE not in {reason.code for reason in reasons}:
        async with pool.connection() as connection:
            await insert_decisions(connection, [rejected(decision, reasons)])
    return Denied(decision_id=decision.id, reasons=reasons, latched=due)


def _prepare(plan: OrderPlan, decision: DecisionRecord, lease: LeaseToken, now_ns: int) -> SubmittedOrder:
    if plan.bot_id != lease.bot_id or plan.bot_id != decision.bot_id:
        raise ValueError(f"plan of bot {plan.bot_id}, lease of {lease.bot_id}, decision of {decision.bot_id}")
    intent_id = intent_id_of(plan)
    sign_ts_ms = now_ns // 1_000_000
    return SubmittedOrder(
        order_id=order_id_of(intent_id, 1),
        intent_id=intent_id,
        decision_id=decision.id,
        plan=plan,
        epoch=lease.epoch,
        sign_ts_ms=sign_ts_ms,
        valid_until_ms=sign_ts_ms + VALID_FOR_MS,
    )


def _values(
    order: SubmittedOrder, decision: DecisionRecord, lease: LeaseToken, *, margin_s: float, controls: Controls
) -> dict[str, Any]:
    plan = order.plan
    asset, reserve = reservation(plan)
    return decision_values(decision) | {
        "instrument_id": plan.rules.instrument_id,
        "epoch": lease.epoch,
        "holder": lease.holder,
        "margin": timedelta(seconds=margin_s),
        "account_id": plan.account_id,
        "position_id": plan.position_id,
        "intent_id": order.intent_id,
        "order_id": order.order_id,
        "side": plan.side.value,
        "purpose": plan.purpose.value,
        "exit_reason": plan.exit_reason.value if plan.exit_reason else "",
        "slot": plan.slot,
        "order_type": plan.order_type.value,
        "quantity": plan.quantity,
        "limit_price": plan.limit_price,
        "asset": asset,
        "locked_assets": sorted({asset, plan.rules.quote} if plan.purpose is Purpose.ENTRY else {asset}),
        "reserve": reserve,
        "stop_loss": plan.stop_loss,
        "take_profit": plan.take_profit,
        "trailing_stop": plan.trailing_stop,
        "sign_ts_ms": order.sign_ts_ms,
        "valid_until_ms": order.valid_until_ms,
        "payload_hash": payload_hash(plan, order.order_id, order.sign_ts_ms),
        "decided_at": to_datetime(plan.decided_at_ns),
        "day_start": to_datetime(day_start_ns(plan.decided_at_ns)),
        "week_start": to_datetime(week_start_ns(plan.decided_at_ns)),
        "messages_after": to_datetime(plan.decided_at_ns - controls.messages_window_ns),
        "entries_after": to_datetime(plan.decided_at_ns - controls.entries_window_ns),
        "messages_window": timedelta(microseconds=controls.messages_window_ns // 1000),
        "judged_orders": controls.judged_orders,
        "slippage": float(controls.slippage_fraction),
        "identical_after": to_datetime(plan.decided_at_ns - controls.identical_window_ns),
    }


async def _pass_gate(
    pool: Pool, plan: OrderPlan, values: dict[str, Any], controls: Controls
) -> tuple[tuple[Reason, ...], Restriction | None]:
    async with pool.connection() as connection:
        gate = await _lock(connection, plan, values)
        reasons = judge(plan, gate, controls)
        if not reasons:
            evidence = {"gate_evidence": to_json(gate_evidence(plan, gate, values))}
            async with connection.pipeline():
                passed = await connection.execute(sql.PASS_GATE, values | evidence)
                await connection.commit()
            if (await passed.fetchone()).passed:
                return (), restriction_due(plan, gate, controls, passed=True)
            return (Reason(code=RiskCode.LEASE, text="the engine's lease on the bot ran out at the gate"),), None
        await connection.rollback()
        is_ours = RiskCode.LEASE not in {reason.code for reason in reasons}
        return reasons, restriction_due(plan, gate, controls, passed=False) if is_ours else None


def gate_evidence(plan: OrderPlan, gate: Gate, values: dict[str, Any]) -> dict[str, Any]:
    """What is kept of a gate that was passed: whose lease it was, and what an entry was judged by."""
    evidence: dict[str, Any] = {name: values[name] for name in ("epoch", "holder", "sign_ts_ms")}
    if plan.purpose is Purpose.ENTRY:
        symbol, gross = exposures(plan, gate)
        evidence["exposure"] = {"symbol": symbol, "gross": gross, "equity": gate.equity}
    return evidence


async def _lock(connection: RowConnection, plan: OrderPlan, values: dict[str, Any]) -> Gate:
    async with connection.pipeline():
        await connection.execute(sql.SHARE_LADDERS)
        gate = await connection.execute(sql.LOCK_GATE, values)
        position = None
        if plan.purpose is Purpose.ENTRY:
            await connection.execute(sql.LOCK_INSTALLATION)
        if plan.purpose is Purpose.EXIT:
            position = await connection.execute(sql.LOCK_POSITION, values)
        found = await connection.execute(sql.LOCK_BALANCES_OF_GATE, values)
        facts = await connection.execute(sql.GATE_FACTS, values)
        entry = bounds = None
        if plan.purpose is Purpose.ENTRY:
            entry = await connection.execute(sql.ENTRY_FACTS, values)
            bounds = await connection.execute(sql.ENTRY_BOUNDS, values)
    balances = {row.asset: row for row in await found.fetchall()}
    cash = balances.get(plan.rules.quote)
    return Gate(
        bot=await gate.fetchone(),
        held=await position.fetchone() if position is not None else None,
        balance=balances.get(values["asset"]),
        cash=cash.total if cash is not None else ZERO,
        facts=await facts.fetchone(),
        entry=await entry.fetchone() if entry is not None else None,
        bounds=await bounds.fetchone() if bounds is not None else None,
        reserve=values["reserve"],
    )


async def _was_committed(pool: Pool, values: dict[str, Any]) -> bool:
    async with pool.connection() as connection:
        found = await connection.execute(sql.READ_SENDING, values)
        return await found.fetchone() is not None


def _unique_reason(error: UniqueViolation) -> Reason:
    constraint = error.diag.constraint_name or ""
    if constraint in ("intent_one_exit_per_position", "intent_one_entry_per_instrument"):
        return Reason(code=RiskCode.LIVE_ORDER, text="another order of this kind is still live")
    return Reason(code=RiskCode.DUPLICATE, text="this decision was already sent")
