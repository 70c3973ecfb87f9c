"""Many bots of one account trade at once, while people press buttons: no deadlock, no drift, no limit exceeded."""

import asyncio
import random
from decimal import Decimal
from typing import Any

from asgiref.sync import sync_to_async
from django.utils import timezone

from bots.models import Fill, Order
from bots.operations.clear_kill_switch import clear_kill_switch
from bots.operations.engage_kill_switch import engage_kill_switch
from bots.operations.kill_switch import Scope
from bots.operations.pause_bot import pause_bot
from bots.operations.resume_bot import resume_bot
from bots.orders.checks import broken_invariants
from bots.orders.marks import Mark
from bots.orders.results import Recorded
from bots.orders.store import OrderStore
from bots.trading.records import LeaseToken, SubmittedOrder
from bots.trading.vocabulary import Ladder, OrderState
from tests.integration.orders.cast import T0, Cast, fill_of, make_bot, report

D = Decimal
BOTS = 6
ROUNDS = 8
TRIES = 60


async def trade(cast: Cast, store: OrderStore, lease: LeaseToken, bot: object, seed: int) -> None:
    rng = random.Random(seed)
    position = None
    done = 0
    for _ in range(TRIES):
        if done == ROUNDS:
            return
        if position is None:
            plan = cast.plan(bot=bot, quantity=D("0.002"))  # type: ignore[arg-type]
        else:
            plan = cast.exit_plan(position, D("0.00199"), bot=bot)
        order = await cast.submit(store, plan, lease)
        if not isinstance(order, SubmittedOrder):
            # Somebody has paused it just now: people take longer than eight refusals.
            await asyncio.sleep(0.05)
            continue
        half = plan.quantity / 2
        first = await store.record(report(order, OrderState.PARTIAL, fill_of(order, 1, half)), lease)
        assert isinstance(first, Recorded)
        if first.position is not None:
            mark = Mark(
                position_id=first.position.position_id, epoch=lease.epoch, mark_price=D(rng.randint(99_000, 101_000)),
                high_water_mark=D(101_000), stop_price=D(98_000), marked_at_ns=T0,
            )  # fmt: skip
            await store.save_marks([mark])
        last = await store.record(report(order, OrderState.FILLED, fill_of(order, 2, half)), lease)
        assert isinstance(last, Recorded)
        position = last.position
        done += 1


async def press_buttons(cast: Cast) -> None:
    for _ in range(4):
        common: dict[str, Any] = {
            "scope": Scope.ACCOUNT,
            "target_id": cast.account.pk,
            "actor": cast.alice,
            "reason": "a drill",
        }
        await sync_to_async(engage_kill_switch)(ladder=Ladder.PAUSE, now=timezone.now(), **common)
        await sync_to_async(pause_bot)(bot_id=cast.bot.pk, actor=cast.alice, now=timezone.now())
        await sync_to_async(clear_kill_switch)(now=timezone.now(), **common)
        await sync_to_async(resume_bot)(bot_id=cast.bot.pk, actor=cast.alice, now=timezone.now())


async def test_many_bots_of_an_account_and_people_at_once(cast: Cast, store: OrderStore) -> None:
    bots = [cast.bot] + [
        await sync_to_async(make_bot)(cast.account, [cast.btc], name=f"Bot {number}") for number in range(1, BOTS)
    ]
    tokens = {token.bot_id: token for token in await store.acquire("engine-1")}
    await asyncio.gather(
        press_buttons(cast), *(trade(cast, store, tokens[bot.pk], bot, number) for number, bot in enumerate(bots))
    )
    assert await sync_to_async(broken_invariants)() == []
    assert not await Order.objects.exclude(state="filled").aexists()
    assert await Fill.objects.acount() >= BOTS
