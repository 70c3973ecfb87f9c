"""Connect an account to an HTTP broker."""

from bots.brokers.account import VenueAccount
from bots.brokers.budget import Budget, SharedBudget
from bots.brokers.ccxt.asking import Asker
from bots.brokers.ccxt.clock import VenueClock
from bots.brokers.ccxt.connect import ClosingPool, account_digest, open_redis
from bots.brokers.ccxt.reading import Unreadable
from bots.brokers.http.client import TABLE, BrokerClient
from bots.brokers.http.events import EventStream
from bots.brokers.http.venue import HttpVenue
from bots.brokers.limits import Limit
from bots.brokers.venue import Venue

LIMITS = (Limit(name="cost", window_s=1, capacity=50),)


async def connect_http(account: VenueAccount, url: str, *, budget: Budget | None = None) -> Venue:
    """Raises VenueUnavailable where the broker does not answer."""
    redis = None
    if budget is None:
        redis = open_redis()
        limits = LIMITS if account.limits is None else account.limits
        budget = SharedBudget(redis, limits, venue=f"broker@{url}", account=account_digest(account))
    pool = ClosingPool(budget, redis=redis, connections=account.connections, timeout_s=account.timeout_s)
    client = BrokerClient(url, account, pool)

    async def ask_time() -> int:
        told = (await client.request("GET", "/time")).get("time_ms")
        if not isinstance(told, int):
            raise Unreadable("no time")
        return told

    clock = VenueClock(ask_time)
    client.now_ms = clock.best_ms
    asker = Asker(TABLE, budget, clock)
    try:
        await asker.question(clock.measure)
    except BaseException:
        await pool.close()
        raise
    clock.start()
    return HttpVenue(client, asker=asker, clock=clock, stream=EventStream(client, now_ms=clock.best_ms))
