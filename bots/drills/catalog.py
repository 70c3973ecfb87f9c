"""The drills that a person can run against the demo."""

import os
import signal
from collections.abc import Callable, Mapping

from bots.drills.records import CannotDrill, Drill, NotSeen, Stage
from bots.models import Account, BotLease, Fill, Mode, Order
from bots.orders.checks import broken_invariants
from marketdata.models import Environment, FeedStatus

TAKEOVER_S = 60.0
FEED_S = 90.0
ORDER_S = 180.0
UNSETTLED = ("sending", "unknown")


def _states() -> set[str]:
    simulated = FeedStatus.objects.filter(exchange__environment=Environment.SIMULATED)
    return set(simulated.values_list("state", flat=True))


def _all_live() -> bool:
    return _states() == {"live"}


def _feed(fault: str, *, notice: str, **settings: object) -> Callable[[Stage], None]:
    def act(stage: Stage) -> None:
        if not _all_live():
            raise CannotDrill(
                f"the simulated exchange's symbols are not all live now: {sorted(_states()) or 'none followed'}"
            )
        stage.fault(fault, **settings)
        stage.say(f"switched {fault} on at the exchange")
        stage.say(f"{notice} after {stage.wait(lambda: not _all_live(), notice, FEED_S):.1f} s")
        stage.say(f"all symbols live again after {stage.wait(_all_live, 'live again', FEED_S):.1f} s")

    return act


def _leases() -> dict[int, tuple[int, str]]:
    return {lease.bot_id: (lease.epoch, lease.holder) for lease in BotLease.objects.exclude(holder="")}


def _taken_since(before: Mapping[int, tuple[int, str]]) -> bool:
    now = _leases()
    return all(now.get(bot_id, (0, ""))[0] > epoch for bot_id, (epoch, _) in before.items())


def _check_ledger(stage: Stage) -> None:
    broken = broken_invariants()
    if broken:
        raise NotSeen(f"the ledger is broken: {broken[0].name}: {broken[0].row}: {broken[0].detail}")
    stage.say("the ledger is clean")


def _held() -> dict[int, tuple[int, str]]:
    found = _leases()
    if not found:
        raise CannotDrill("no engine looks after a bot now: start one on the dashboard or with `manage.py bots start`.")
    return found


def _kill_engine(stage: Stage) -> None:
    before, pid = _held(), stage.engine_pid()
    os.kill(pid, signal.SIGKILL)
    stage.say(f"killed the engine, process {pid}, with {len(before)} bots")
    took_s = stage.wait(lambda: _taken_since(before), "another engine has taken its bots", TAKEOVER_S)
    stage.say(f"its bots were taken after {took_s:.1f} s")
    _check_ledger(stage)


def _freeze_engine(stage: Stage) -> None:
    before, pid = _held(), stage.engine_pid()
    os.kill(pid, signal.SIGSTOP)
    stage.say(f"stopped the engine, process {pid}, with {len(before)} bots")
    try:
        ended_s = stage.wait(lambda: _lapsed() or _taken_since(before), "its leases have ended", TAKEOVER_S)
        stage.say(f"its leases ended after {ended_s:.1f} s")
    finally:
        os.kill(pid, signal.SIGCONT)
        stage.say("woke it up")
    took_s = stage.wait(lambda: not _lapsed(), "its bots are looked after again", TAKEOVER_S)
    stage.say(f"its bots were looked after again {took_s:.1f} s after it woke")
    _check_ledger(stage)


def _lapsed() -> bool:
    from django.db.models.functions import Now

    return not BotLease.objects.exclude(holder="").filter(expires_at__gt=Now()).exists()


def _order(fault: str, said: str, **settings: object) -> Callable[[Stage], None]:
    def act(stage: Stage) -> None:
        accounts = Account.objects.filter(mode=Mode.SANDBOX, exchange__environment=Environment.SIMULATED)
        if not accounts.exists():
            raise CannotDrill(
                "no account sends orders to the simulated exchange: open a sandbox account there (its key comes from "
                "`POST /sim/accounts`), and start a bot on it."
            )
        before = set(Order.objects.filter(account__in=accounts).values_list("pk", flat=True))
        stage.fault(fault, **settings)
        stage.say(f"switched {fault} on at the exchange: {said}")

        def news() -> list[Order]:
            return list(Order.objects.filter(account__in=accounts).exclude(pk__in=before))

        stage.say(
            f"a bot sent an order after {stage.wait(lambda: bool(news()), 'a bot sends an order', ORDER_S):.1f} s"
        )
        order = news()[0]

        def is_settled() -> bool:
            order.refresh_from_db()
            return order.state not in UNSETTLED

        took_s = stage.wait(is_settled, "what became of the order is known", ORDER_S)
        fills = Fill.objects.filter(order=order).count()
        stage.say(f"the order is {order.state} with {fills} fills, known {took_s:.1f} s after it was sent")
        _check_ledger(stage)

    return act


DRILLS: Mapping[str, Drill] = {
    drill.name: drill
    for drill in (
        Drill(
            name="cut-feed", breaks="every connection for market data is cut, and none is taken for 5 s",
            expected="symbols are not live while it lasts, bots enter nothing, all are live again by themselves",
            act=_feed("close_listener", notice="a symbol was not live", seconds=5),
        ),
        Drill(
            name="freeze-feed", breaks="connections stay open and nothing comes for 15 s",
            expected="symbols are stale within 3 s, read by REST meanwhile, and live again by themselves",
            act=_feed("freeze_data", notice="a symbol was not live", seconds=15),
        ),
        Drill(
            name="kill-engine", breaks="the engine is killed as by kill -9",
            expected="within 30 s the next engine looks after its bots; the ledger is clean",
            act=_kill_engine,
        ),
        Drill(
            name="freeze-engine", breaks="the engine is stopped until its leases have ended, and woken up",
            expected="it sends nothing of what it had in mind; its bots are looked after again; the ledger is clean",
            act=_freeze_engine,
        ),
        Drill(
            name="swallow-ack", breaks="the exchange carries the next order out and cuts the connection",
            expected="the order is unknown until it is found at the exchange; it is not sent again",
            act=_order("lose_answer", "the next answer is lost", channel="place", executed=True),
        ),
        Drill(
            name="lose-fill", breaks="the account's stream says nothing for 30 s, and answers come without trades",
            expected="fills are found by asking; the ledger is clean",
            act=_order("drop_events", "the stream says nothing of fills", seconds=30),
        ),
    )
}  # fmt: skip
