"""Positions that an engine looks after: the monitor only verifies that it does."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from django.core.cache import cache
from django.db import connection

from bots.engine.books import Held
from bots.engine.protection import exit_words
from bots.monitor.alarms import alarm
from bots.monitor.markets import Market, Place
from bots.monitor.watched import Watched, close_price, exit_reason
from bots.orders.times import to_datetime
from bots.trading.money import from_float

STANDS_NS = 10_000_000_000
# An engine saves marks every second.
UNMARKED_S = 5
_REMEMBERED_S = 60

MARK = """
UPDATE bots_position SET mark_price = %(price)s, marked_at = %(at)s
WHERE id = %(id)s AND closed_at IS NULL AND (marked_at IS NULL OR marked_at < %(at)s - make_interval(secs => %(old_s)s))
"""


def verify(led: Iterable[Watched], markets: dict[Place, Market], *, now_ns: int) -> int:
    """Alarm where an exit has been due for longer than 10 s. Stops and high-water marks are the engine's: never written.

    Gives the number of alarms raised.
    """
    alarms = 0
    for watched in led:
        market = markets.get(watched.place)
        if market is None:
            continue
        key = f"monitor:due:{watched.position.position_id}"
        reason = exit_reason(watched.position, watched.rules, watched.ladder, market)
        if reason is None:
            cache.delete(key)
            continue
        since_ns: int = cache.get_or_set(key, now_ns, _REMEMBERED_S) or now_ns
        cache.touch(key, _REMEMBERED_S)
        if now_ns - since_ns < STANDS_NS:
            continue
        price = close_price(watched.position, market)
        held = Held(position=watched.position, rules=watched.rules, mark=from_float(price))
        text = (
            f"{watched.bot_name} still holds {watched.rules.symbol} after {(now_ns - since_ns) / 1e9:.0f} s: "
            f"{exit_words(held, reason, price)}. Look at engine {watched.holder}."
        )
        alarms += alarm(watched, "exit_overdue", text, at=to_datetime(now_ns))
    return alarms


def mark_neglected(led: Iterable[Watched], markets: dict[Place, Market], *, now_ns: int) -> None:
    """Mark positions that their engine has not marked for some seconds; their stops stay as they are."""
    values: list[dict[str, int | Decimal | datetime]] = [
        {
            "id": watched.position.position_id,
            "price": from_float(close_price(watched.position, market)),
            "at": to_datetime(market.trade_ns(now_ns, stream_clock=watched.stream_clock)),
            "old_s": UNMARKED_S,
        }
        for watched in led
        if (market := markets.get(watched.place)) is not None
    ]
    if values:
        with connection.cursor() as cursor:
            cursor.executemany(MARK, values)
