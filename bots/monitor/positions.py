"""The safety net under open positions: every few seconds all of them are looked at, whoever leads their bots."""

import asyncio
import logging

import structlog
from django.conf import settings
from msgspec import Struct
from msgspec.structs import asdict

from bots.monitor.accounts import watch_accounts
from bots.monitor.alarms import alarm
from bots.monitor.breaches import mark_neglected, verify
from bots.monitor.guard import guard
from bots.monitor.markets import fresh_markets, with_book
from bots.monitor.watched import open_positions
from bots.operations.speak import publish
from bots.orders.leases import LeaseTerms
from bots.orders.times import to_datetime

log = structlog.get_logger(__name__)


class Watch(Struct, frozen=True, kw_only=True):
    """What one look found: positions with an engine, without one, without a fresh price; alarms raised; events told;
    accounts restricted.
    """

    led: int = 0
    unled: int = 0
    blind: int = 0
    alarms: int = 0
    told: int = 0
    restricted: int = 0


def monitor_positions(*, now_ns: int, holder: str) -> Watch:
    """Re-mark open positions and check their stops, targets and requests to close.

    With a live lease they are the engine's: a breach that stands raises an alarm. Without one the monitor acts, as
    `holder`, on paper; at a real venue only an engine sends orders, and the owner is told that none does. Without a fresh
    price nothing trades, and the owner is told. May run twice at once.
    """
    restricted = watch_accounts(now=to_datetime(now_ns))
    watched = open_positions()
    if not watched:
        return Watch(restricted=restricted)
    markets = fresh_markets([found.place for found in watched], now_ns=now_ns)
    led = [found for found in watched if found.is_led]
    unled = [found for found in watched if not found.is_led and found.is_paper]
    adrift = [found for found in watched if not found.is_led and not found.is_paper]
    blind = [found for found in unled if found.place not in markets]
    mark_neglected((*led, *adrift), markets, now_ns=now_ns)
    alarms = verify(led, markets, now_ns=now_ns)
    for found in adrift:
        text = (
            f"{found.bot_name} holds {found.rules.symbol} on a real account, and no engine looks after it: nothing closes "
            "it at its stop. Start runbots."
        )
        alarms += alarm(found, "adrift", text, at=to_datetime(now_ns))
    for found in blind:
        text = (
            f"{found.bot_name} holds {found.rules.symbol}, no engine looks after it, and there is no fresh price: "
            f"its stop cannot be checked. Start runbots and runfeed."
        )
        alarms += alarm(found, "no_price", text, at=to_datetime(now_ns))
    seen = [found for found in unled if found.place in markets]
    told = 0
    if seen:
        terms = LeaseTerms(ttl_s=settings.LEASE_TTL_S, renew_s=settings.LEASE_RENEW_S)
        places = {found.place: with_book(markets[found.place]) for found in seen}
        bot_ids = sorted({found.position.bot_id for found in seen})
        events = asyncio.run(guard(bot_ids, places, holder=holder, terms=terms, now_ns=now_ns))
        publish(events)
        told = len(events)
    watch = Watch(
        led=len(led), unled=len(unled) + len(adrift), blind=len(blind), alarms=alarms, told=told, restricted=restricted
    )
    log.log(logging.INFO if unled or alarms else logging.DEBUG, "[RISK MANAGER] positions watched", **asdict(watch))
    return watch
