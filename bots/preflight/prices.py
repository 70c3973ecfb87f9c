"""Prices of a bot that does not run yet: asked for while it is looked at."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.db.models.functions import Now

from bots.models import Bot
from marketdata.models import FeedLease, FeedStatus
from marketdata.operations import follow, unfollow

LOOK_EVERY_S = 0.25
GOOD = (FeedStatus.State.LIVE, FeedStatus.State.FALLBACK)


@contextmanager
def prices_streamed(bot: Bot, *, patience_s: float) -> Iterator[None]:
    """Have the watchlist streamed for the while, and wait until it is, if a feed runs that could. Needs `account`."""
    follower = f"preflight:{bot.pk}"
    rows = list(bot.instruments.values_list("exchange__code", "symbol"))
    try:
        for exchange, symbol in rows:
            follow(exchange=exchange, symbol=symbol, follower=follower)
        _wait(bot, [symbol for _, symbol in rows], patience_s)
        yield
    finally:
        unfollow(follower=follower)


def _wait(bot: Bot, symbols: list[str], patience_s: float) -> None:
    exchange = bot.account.exchange_id
    until_s = time.monotonic() + patience_s
    while FeedLease.objects.filter(exchange=exchange, expires_at__gt=Now()).exists():
        fresh = FeedStatus.objects.filter(
            exchange=exchange, symbol__in=symbols, state__in=GOOD, updated_at__gt=Now() - timedelta(seconds=5)
        )
        if fresh.count() >= len(symbols) or time.monotonic() >= until_s:
            return
        time.sleep(LOOK_EVERY_S)
