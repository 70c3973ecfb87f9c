"""Engines that trade at the simulated exchange, killed with -9 and stopped past their leases; what is true afterwards."""

import os
import random
import signal
import time
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from bots.engine.comparing import compare_accounts
from bots.models import Account, Bot, BotLease, BotState, Fill, Mode, Order, Position, Session
from bots.operations.create_account import create_account
from bots.operations.follow_symbols import follow_symbols
from bots.operations.stop_bot import stop_bot
from bots.orders.checks import broken_invariants
from tests.integration.simulator.customer import Customer
from tests.integration.system.commands import Command, Commands
from tests.integration.system.people import EVERY_TICK, Trader
from tests.patience import PATIENCE_S
from tests.simulator_fixture import Simulator

SYMBOLS = ["BTC/USDT", "ETH/USDT", "SOL/USDT", "BNB/USDT"]
TIGHT = {"stop_loss": Decimal("0.0001"), "take_profit": Decimal("0.0001")}


class Stage:
    """One account at the exchange and the engines that trade it. `problems` are what was wrong."""

    def __init__(self, exchange: Simulator, commands: Commands, alice: Trader, *, seed: int, name: str) -> None:
        self.commands = commands
        self.alice = alice
        self.rng = random.Random(seed)
        self.customer = Customer(exchange, name, USDT="100000")
        self.account = venue_account_of(alice, self.customer)
        self.counts: Counter[str] = Counter()
        self.slowest_s = 0.0
        self.problems: list[str] = []
        self._bots = 0
        self._engines: dict[str, Command] = {}

    def engine(self) -> Command:
        name = f"engine-{len(self._engines)}"
        found = self._engines[name] = self.commands.manage("runbots", "--json", "--engine-id", name)
        return found

    def owner(self, bot: Bot) -> Command | None:
        """The engine that holds the bot's lease."""
        return self._engines.get(BotLease.objects.get(bot=bot).holder.split(":")[0])

    def trade(self, engine: Command, *, more: int = 1) -> Bot:
        """A bot that starts now has traded: an old one may wait for its limit of entries a minute."""
        self._bots += 1
        bot = self.begin_bot(f"Bot {self._bots}")
        engine.until(lambda: Fill.objects.filter(order__bot=bot).count() >= more, timeout_s=5 * PATIENCE_S)
        return bot

    def begin_bot(self, name: str) -> Bot:
        bot = Bot(owner=self.alice.user, account=self.account, name=name, **EVERY_TICK | TIGHT)
        bot.full_clean()
        bot.save()
        bot.instruments.set([self.alice.instrument(symbol) for symbol in SYMBOLS])
        # As after its pre-flight, which would ask for a day on paper.
        Session.objects.create(bot=bot, started_at=datetime.now(UTC), started_by=self.alice.user)
        bot.state = BotState.RUNNING
        bot.save()
        follow_symbols(bot)
        return bot

    @property
    def customer_requests(self) -> dict[str, int]:
        """How often the venue received each order."""
        counts: dict[str, int] = self.customer.truth["requests_by_client_id"]
        return counts

    def kill(self, engine: Command) -> None:
        """At a moment by lot."""
        time.sleep(self.rng.uniform(0, 1.5))
        engine.kill()
        self.counts["kills"] += 1
        self._note("after a kill", broken_invariants())
        self.counts[f"orders left {self._left()}"] += 1

    def _left(self) -> str:
        states = set(
            Order.objects.filter(state__in=("sending", "unknown", "open", "partial")).values_list("state", flat=True)
        )
        return "+".join(sorted(states)) or "none"

    def pause(self, sleeper: Command, successor: Command) -> None:
        """Stopped past its lease while it trades, and woken beside its successor."""
        before = dict(BotLease.objects.exclude(holder="").values_list("bot_id", "epoch"))
        time.sleep(self.rng.uniform(0, 1.5))
        os.kill(sleeper.process.pid, signal.SIGSTOP)
        self.counts["pauses"] += 1
        try:
            began_s = time.monotonic()
            successor.until(lambda: self._taken(before), timeout_s=2 * PATIENCE_S)
            self.slowest_s = max(self.slowest_s, time.monotonic() - began_s)
        finally:
            os.kill(sleeper.process.pid, signal.SIGCONT)
        said = sleeper.said.count("bot lost to another engine")
        sleeper.until(lambda: sleeper.said.count("bot lost to another engine") > said or "stopped" in sleeper.said)

    @staticmethod
    def _taken(before: dict[int, int]) -> bool:
        now = dict(BotLease.objects.exclude(holder="").values_list("bot_id", "epoch"))
        return any(now.get(bot_id, 0) > epoch for bot_id, epoch in before.items())

    def rest(self, engine: Command) -> None:
        """All bots stop and hold nothing; then the venue's ledger must be ours."""
        for bot in Bot.objects.exclude(state=BotState.STOPPED):
            stop_bot(bot_id=bot.pk, actor=self.alice.user, now=datetime.now(UTC), close_positions=True)
        engine.until(self._is_quiet, timeout_s=3 * PATIENCE_S)

    def _is_quiet(self) -> bool:
        return self._left() == "none" and not Position.objects.filter(closed_at=None).exists() and not self.differing()

    def differing(self) -> dict[str, Any]:
        """I8, against what the venue truly has."""
        truth = self.customer.truth
        theirs = {
            asset: total for asset, row in truth["balances"].items()
            if (total := Decimal(row["free"]) + Decimal(row["locked"]))
        }  # fmt: skip
        ours = {row.asset: row.total for row in self.account.balances.all() if row.total}
        mine = {fill.trade_id for fill in Fill.objects.filter(account=self.account)}
        trades = {str(row["id"]) for row in truth["trades"]}
        found: dict[str, Any] = {"balances": (ours, theirs)} if ours != theirs else {}
        return found | ({"trades": mine ^ trades} if mine != trades else {})

    def judge(self) -> None:
        """I1 to I13, and that nothing was sent twice, late, or by who had no lease."""
        self._note("at the end", broken_invariants())
        if found := self.differing():
            self.problems.append(f"the venue's ledger is not ours: {found}")
        truth = self.customer.truth
        orders = {order.pk.hex: order for order in Order.objects.filter(account=self.account)}
        for name, times in truth["requests_by_client_id"].items():
            if times != 1:
                self.problems.append(f"order {name} was received {times} times")
            if name not in orders:
                self.problems.append(f"order {name} is at the venue and not in the books")
        for row in truth["orders"]:
            order = orders.get(row["clientOrderId"])
            if order is not None and row["time"] > order.valid_until_ms:
                self.problems.append(f"order {order.pk.hex} was accepted {row['time'] - order.valid_until_ms} ms late")
        self.counts["venue orders"] = len(truth["orders"])

    def compare(self) -> None:
        """As `manage.py checkledger` does, outside of any loop."""
        import asyncio

        for found in asyncio.run(compare_accounts()):
            if found.broken or found.unchecked:
                self.problems.append(f"checkledger: {found}")

    def _note(self, when: str, broken: list[Any]) -> None:
        # An order that is still unknown is looked at by the next engine.
        self.problems += [f"{when}: {row}" for row in broken if row.code != "I13"]

    def close(self) -> None:
        self.customer.close()


def venue_account_of(alice: Trader, customer: Customer) -> Account:
    from bots.credentials.secrets import Secrets

    return create_account(
        owner=alice.user, name="At the venue", exchange=alice.exchange, opening_cash=Decimal(0), actor=alice.user,
        now=datetime.now(UTC), mode=Mode.SANDBOX, secrets=Secrets(api_key=customer.key, secret=customer.secret),
    )  # fmt: skip
