"""Connect an account to its venue: markets once, the clock measured, connections open."""

import asyncio
import hashlib
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from redis.asyncio import Redis

from bots.brokers.account import VenueAccount
from bots.brokers.budget import Budget, SharedBudget
from bots.brokers.ccxt.asking import Asker
from bots.brokers.ccxt.binance_stream import BinanceStream
from bots.brokers.ccxt.clock import VenueClock
from bots.brokers.ccxt.dialects import Dialect, StreamKind, dialect_of
from bots.brokers.ccxt.library import make_exchange
from bots.brokers.ccxt.markets import FRESH_S, JUST_NOW_S, share_markets
from bots.brokers.ccxt.pool import Pool
from bots.brokers.ccxt.reading import to_balances
from bots.brokers.ccxt.venue import CcxtVenue, PrivateStream
from bots.brokers.ccxt.watch_stream import WatchStream
from bots.brokers.limits import Limit, Scope
from bots.brokers.venue import Venue, VenueUnavailable

_BINANCE_SOCKETS = {
    "live": "wss://ws-api.binance.com:443/ws-api/v3",
    "sandbox": "wss://ws-api.testnet.binance.vision/ws-api/v3",
}
# A Redis that hangs must not hang an order.
REDIS_TIMEOUT_S = 0.5


async def connect(account: VenueAccount, *, budget: Budget | None = None) -> Venue:
    """An open connection to the account's venue.

    Raises NoOrders for an adapter or a sandbox that there is not, and VenueUnavailable where the venue does not answer.
    """
    dialect = dialect_of(account.adapter)
    # ccxt's first import takes a second.
    exchange = await asyncio.to_thread(make_exchange, account, dialect)
    redis = None
    if budget is None:
        redis = open_redis()
        budget = _shared(account, dialect, exchange, redis)
    pool = ClosingPool(
        budget,
        redis=redis,
        connections=account.connections,
        timeout_s=account.timeout_s,
        serial=dialect.serial,
    )
    clock = VenueClock(lambda: _ask_time(exchange))
    exchange.wire_up(
        pool,
        clock.best_ms,
        numbers_as_text=dialect.numbers_as_text,
        cost_of_weight=dialect.cost_of_weight,
    )
    asker = Asker(dialect.table, budget, clock)
    try:
        await asker.question(clock.measure)
        listing = (dialect.ccxt_id, _host(account))

        async def load() -> None:
            await asker.question(lambda: exchange.load_markets(True, dict(dialect.market_params)))

        await share_markets(exchange, listing, load, max_age_s=FRESH_S)
        if dialect.checks_mode:
            await _check_mode(asker, exchange)
        # What is open is kept: the first order shall not wait for a handshake.
        await asyncio.gather(*(asker.question(lambda: _ask_time(exchange)) for _ in range(2)))
    except BaseException:
        await pool.close()
        raise
    clock.start()
    return CcxtVenue(
        account,
        dialect,
        exchange,
        pool=pool,
        clock=clock,
        refresh=lambda: share_markets(exchange, listing, load, max_age_s=JUST_NOW_S),
        stream=_stream(account, dialect, exchange, pool=pool, clock=clock, asker=asker),
    )


class ClosingPool(Pool):
    """Closes the connection to Redis that was opened with it."""

    def __init__(
        self, budget: Budget, *, redis: "Redis | None", connections: int, timeout_s: float, serial: bool = False
    ) -> None:
        super().__init__(budget, connections=connections, timeout_s=timeout_s, serial=serial)
        self._redis = redis

    async def close(self) -> None:
        await super().close()
        if self._redis is not None:
            await self._redis.aclose()


def open_redis() -> "Redis":
    return Redis.from_url(settings.REDIS_URL, socket_timeout=REDIS_TIMEOUT_S, socket_connect_timeout=REDIS_TIMEOUT_S)


def account_digest(account: VenueAccount) -> str:
    """Names an account where its key must not be read."""
    return hashlib.sha256(account.api_key.encode()).hexdigest()[:16]


async def _ask_time(exchange: Any) -> int:
    """In milliseconds. Kraken tells whole seconds, of which half of one is over on average; ccxt reads Coinbase's so."""
    if exchange.has.get("fetchTime") is not True:
        return int(exchange.milliseconds())
    if exchange.id == "coinbase":
        return int((await exchange.v3PublicGetBrokerageTime())["epochMillis"])
    told_ms = int(await exchange.fetch_time())
    return told_ms + 500 if exchange.id == "kraken" else told_ms


async def _check_mode(asker: Asker, exchange: Any) -> None:
    """KuCoin's unified accounts have other orders. Asked once, so that no order has to."""
    if await asker.question(exchange.is_uta_enabled):
        raise VenueUnavailable(f"{exchange.name}: this is a unified trading account; use a classic one for bots.")


def _host(account: VenueAccount) -> str:
    return urlsplit(account.rest_url).netloc if account.rest_url else account.mode


def _shared(account: VenueAccount, dialect: Dialect, exchange: Any, redis: "Redis") -> SharedBudget:
    limits = account.limits if account.limits is not None else dialect.limits
    if not limits:
        seconds = dialect.cost_window_s
        capacity = max(1.0, seconds * 1000 / float(exchange.rateLimit or 1000))
        limits = (Limit(name="cost", window_s=seconds, capacity=capacity, scope=Scope.VENUE),)
    return SharedBudget(redis, limits, venue=f"{dialect.ccxt_id}@{_host(account)}", account=account_digest(account))


def _stream(
    account: VenueAccount, dialect: Dialect, exchange: Any, *, pool: Pool, clock: VenueClock, asker: Asker
) -> PrivateStream:
    if dialect.stream is StreamKind.CCXT:
        watching = make_exchange(account, dialect, streaming=True)
        return WatchStream(watching, markets=lambda: exchange.markets, now_ms=clock.best_ms)

    async def ask_balances() -> list[Any]:
        async def ask() -> list[Any]:
            return to_balances(await exchange.fetch_balance())

        return list(await asker.question(ask))

    origin = account.ws_url or (account.rest_url or "").replace("http", "ws", 1)
    return BinanceStream(
        f"{origin.rstrip('/')}/ws-api/v3" if origin else _BINANCE_SOCKETS[account.mode],
        api_key=account.api_key,
        secret=account.secret,
        budget=pool.budget,
        now_ms=clock.best_ms,
        symbol_of=lambda venue_symbol: str(exchange.safe_symbol(venue_symbol)),
        ask_balances=ask_balances,
        doubt_clock=clock.doubt,
    )
