"""Rows that lives begin with, and the books' own checks after some of them."""

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db import connection

from bots.models import Account, Bot
from bots.orders.checks import Broken, broken_invariants
from tests.chaos.simulation.life import Ground, Life, live
from tests.integration.orders.cast import make_bot, make_cast, rules_of

BATCH = 20
# Everything that refers to bots and accounts goes with them.
EMPTY = "TRUNCATE bots_account, bots_bot, bots_user, marketdata_exchange, bots_auditentry CASCADE"


@dataclass(kw_only=True)
class Lives:
    """What many lives came to."""

    lives: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)


def make_ground(seeds: Sequence[int]) -> list[Ground]:
    cast = make_cast(Decimal(0))
    Bot.objects.all().delete()
    instruments = [cast.btc, cast.eth]
    rules = [rules_of(instrument) for instrument in instruments]
    found = []
    for seed in seeds:
        is_paper = seed % 4 == 3
        account = _account(cast, seed, is_paper=is_paper)
        bot = make_bot(account, instruments, f"Bot {seed}", maximum_trades_per_day=100, maximum_positions=5)
        found.append(Ground(account_id=account.pk, bot_id=bot.pk, instruments=rules, is_paper=is_paper))
    return found


def _account(cast: Any, seed: int, *, is_paper: bool) -> Account:
    from datetime import UTC, datetime

    from bots.operations.create_account import create_account

    account = create_account(
        owner=cast.alice, name=f"Account {seed}", exchange=cast.exchange,
        opening_cash=Decimal(10_000 if is_paper else 0), actor=cast.alice, now=datetime(2026, 1, 1, tzinfo=UTC),
    )  # fmt: skip
    if not is_paper:
        Account.objects.filter(pk=account.pk).update(mode="sandbox")
    return account


def empty() -> None:
    with connection.cursor() as cursor:
        cursor.execute(EMPTY)


def live_all(seeds: Sequence[int], *, began_ns: int, is_over: Callable[[], bool] = lambda: False) -> Lives:
    """Live them in batches; what is wrong names its seed. The database is emptied before and after."""
    total = Lives()
    for start in range(0, len(seeds), BATCH):
        if is_over():
            break
        batch = seeds[start : start + BATCH]
        lives, broken = _live_batch(batch, began_ns=began_ns)
        if broken and len(batch) > 1:
            # The books' checks speak of rows: each seed alone tells whose they are.
            for seed in batch:
                _, alone = _live_batch([seed], began_ns=began_ns)
                total.problems += [f"seed {seed}: {row.code} {row.name}: {row.row}: {row.detail}" for row in alone]
            if not total.problems:
                total.problems += [f"seeds {batch[0]} to {batch[-1]}: {row}" for row in broken]
        elif broken:
            total.problems += [f"seed {batch[0]}: {row.code} {row.name}: {row.row}: {row.detail}" for row in broken]
        for life in lives:
            total.lives += 1
            total.counts.update(life.counts)
            total.problems += [f"seed {life.seed}: {problem}" for problem in life.problems]
        if total.problems:
            break
    return total


def _live_batch(seeds: Sequence[int], *, began_ns: int) -> tuple[list[Life], list[Broken]]:
    empty()
    # An engine says a dozen lines about each order.
    logging.disable(logging.CRITICAL)
    try:
        grounds = make_ground(seeds)
        lives = [live(seed, ground, began_ns=began_ns) for seed, ground in zip(seeds, grounds, strict=True)]
        return lives, broken_invariants()
    finally:
        logging.disable(logging.NOTSET)
        empty()
