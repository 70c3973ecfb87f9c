"""A venue that raises its smallest order above what is held: the position ends as dust, and the books agree."""

from decimal import Decimal
from typing import Any

from asgiref.sync import sync_to_async

from bots.engine.trace import dust_record
from bots.models import AuditEntry, Decision, Position, Standing, Trade
from bots.orders.checks import broken_invariants
from bots.orders.store import OrderStore
from bots.trading.records import PositionState
from bots.trading.vocabulary import ExitReason, Trigger
from marketdata.models import Instrument
from tests.integration.orders.cast import T0, Cast, rules_of

D = Decimal


async def held(cast: Cast, store: OrderStore, lease: Any, **rules: Decimal) -> PositionState:
    """0.002997 BTC, after which the venue changes its rules."""
    _, bought = await cast.enter(store, lease)
    await Instrument.objects.filter(pk=cast.btc.pk).aupdate(**rules)
    await cast.btc.arefresh_from_db()
    position: PositionState = bought.position
    return position


async def write_off(cast: Cast, store: OrderStore, lease: Any, position: PositionState) -> Any:
    rules = await sync_to_async(rules_of)(cast.btc)
    decision = dust_record(position=position, rules=rules, trigger=Trigger.STOP, ts_event=T0 + 5, price=99_000.0)
    return await store.write_off(position.position_id, decision, lease, T0 + 5)


async def test_what_no_order_can_have_is_closed_as_dust(cast: Cast, store: OrderStore) -> None:
    lease = await cast.lease(store)
    position = await held(cast, store, lease, lot_size=D("0.01"))
    closed = await write_off(cast, store, lease, position)
    assert (closed.dust, closed.exit_reason, closed.net_pnl) == (D("0.002997"), ExitReason.DUST, D("-300"))
    row = await Position.objects.aget()
    assert (row.quantity, row.dust, row.exit_reason) == (D(0), D("0.002997"), "dust")
    assert (await Trade.objects.aget()).realised_pnl == D("-300")
    standing = await Standing.objects.aget()
    assert (standing.trades, standing.lost, standing.realised_day) == (1, D(300), D(-300))
    words = (await Decision.objects.aget(exit_reason="dust")).reasoning
    assert "0.002997 BTC held are less than the smallest order of 0.01 BTC" in words
    assert await AuditEntry.objects.filter(action="position.dust", target=f"position:{row.pk}").aexists()
    assert await sync_to_async(broken_invariants)() == []
    assert await write_off(cast, store, lease, position) is None, "only once"


async def test_a_smallest_quantity_counts_like_a_lot(cast: Cast, store: OrderStore) -> None:
    lease = await cast.lease(store)
    position = await held(cast, store, lease, min_quantity=D("0.003"))
    assert await write_off(cast, store, lease, position) is not None


async def test_what_can_be_sold_is_never_written_off(cast: Cast, store: OrderStore) -> None:
    lease = await cast.lease(store)
    position = await held(cast, store, lease, lot_size=D("0.002"))
    assert await write_off(cast, store, lease, position) is None
    assert await Position.objects.filter(closed_at=None).aexists()


async def test_a_live_exit_ends_first(cast: Cast, store: OrderStore) -> None:
    lease = await cast.lease(store)
    _, bought = await cast.enter(store, lease)
    await cast.submit(store, cast.exit_plan(bought.position, D("0.00299")), lease)
    await Instrument.objects.filter(pk=cast.btc.pk).aupdate(lot_size=D("0.01"))
    assert await write_off(cast, store, lease, bought.position) is None


async def test_a_stale_owner_writes_nothing_off(cast: Cast, store: OrderStore) -> None:
    lease = await cast.lease(store)
    position = await held(cast, store, lease, lot_size=D("0.01"))
    await store.release([lease], "engine-1")
    await cast.lease(store, holder="engine-2")
    assert await write_off(cast, store, lease, position) is None
    assert await Position.objects.filter(closed_at=None).aexists()
