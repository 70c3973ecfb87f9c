"""The newest of every instrument, in the cache for a minute: for who joins late and for who only looks.

Written by the feed a few times a second, never tick by tick; a missing entry means that nothing is fresh.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from asgiref.sync import sync_to_async
from django.core.cache import cache
from msgspec import Struct

from marketdata.events import Bar, BookSnapshot, Event

TTL_S = 60
# The slowest of them comes once a day.
OBSERVATION_TTL_S = 172_800


class LatestQuote(Struct, frozen=True, kw_only=True):
    """What an instrument costs now. `volume` is of 24 h in base, `change` a fraction, `volatility` annual.

    `state` and `source` as in FeedState: only "live" (and "fallback", from REST) prices are current. `now_ns` is the
    feed's clock on writing, the stream's own time under replay, and `ts_event` compares with it.
    """

    exchange: str
    symbol: str
    bid: float
    bid_size: float
    ask: float
    ask_size: float
    last: float
    volume: float | None
    quote_volume: float | None
    change: float | None
    volatility: float | None
    state: str
    source: str
    reason: str
    ts_event: int
    ts_init: int
    now_ns: int

    @property
    def mid(self) -> float:
        return (self.bid + self.ask) / 2


class LatestSnapshot(Struct, frozen=True, kw_only=True):
    """Where a late joiner begins: the last batch's place, the book, and the forming bars, shortest first."""

    exchange: str
    symbol: str
    epoch: int
    sequence: int
    state: str
    reason: str
    book: BookSnapshot | None
    forming: tuple[Bar, ...]
    now_ns: int
    # Who gives the prices, as in FeedState: it is told only when it changes.
    source: str = ""


_STORE = """
if tonumber(redis.call('GET', KEYS[1]) or '0') > tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
for i = 2, #KEYS do redis.call('SET', KEYS[i], ARGV[i + 1], 'EX', ARGV[2]) end
return 1
"""
_encode = msgspec.msgpack.Encoder().encode
_decode_quote = msgspec.msgpack.Decoder(LatestQuote).decode
_decode_snapshot = msgspec.msgpack.Decoder(LatestSnapshot).decode
_decode_event = msgspec.msgpack.Decoder(Event).decode


def quote_key(exchange: str, symbol: str) -> str:
    return f"quote:{exchange}:{symbol}"


def snapshot_key(exchange: str, symbol: str) -> str:
    return f"snapshot:{exchange}:{symbol}"


def observation_key(symbol: str, kind: str, series: str = "") -> str:
    """A cache key may hold no spaces; codes of assets and kinds have none."""
    return f"observation:{symbol}:{kind}:{series}"


def leader_key(exchange: str) -> str:
    """Holds the epoch of the newest leader that wrote, for as long as what it wrote."""
    return f"epoch:{exchange}"


def store(quotes: Iterable[LatestQuote], snapshots: Iterable[LatestSnapshot], *, exchange: str, epoch: int) -> bool:
    """Write all of them in one round trip, as the leader of an exchange. False, and nothing, after a later leader."""
    values = {quote_key(quote.exchange, quote.symbol): _encode(quote) for quote in quotes}
    values |= {snapshot_key(item.exchange, item.symbol): _encode(item) for item in snapshots}
    if not values:
        return True
    # The cache has no compare and set of its own; what lies below it has.
    below: Any = cache._cache  # type: ignore[attr-defined]
    keys = [cache.make_and_validate_key(key) for key in (leader_key(exchange), *values)]
    entries = [below._serializer.dumps(value) for value in values.values()]
    script = below.get_client(write=True).register_script(_STORE)
    return bool(script(keys=keys, args=[epoch, TTL_S, *entries]))


def latest_quotes(instruments: Iterable[tuple[str, str]]) -> dict[tuple[str, str], LatestQuote]:
    """The quotes that there are, of (exchange, symbol) pairs, in one round trip."""
    keys = {quote_key(exchange, symbol): (exchange, symbol) for exchange, symbol in instruments}
    return {keys[key]: _decode_quote(value) for key, value in cache.get_many(list(keys)).items()}


def latest_quote(exchange: str, symbol: str) -> LatestQuote | None:
    return latest_quotes([(exchange, symbol)]).get((exchange, symbol))


def latest_snapshot(exchange: str, symbol: str) -> LatestSnapshot | None:
    value = cache.get(snapshot_key(exchange, symbol))
    return _decode_snapshot(value) if value is not None else None


def store_observations(events: Mapping[tuple[str, str, str], Event]) -> None:
    """Write the newest slow observations by (symbol, kind, series); series "" is the newest of all of a kind."""
    values = {observation_key(*place): _encode(event) for place, event in events.items()}
    if values:
        cache.set_many(values, OBSERVATION_TTL_S)


def latest_observation(symbol: str, kind: str, series: str = "") -> Event | None:
    """The newest slow observation of an asset, when there was one in the last two days."""
    value = cache.get(observation_key(symbol, kind, series))
    return _decode_event(value) if value is not None else None


alatest_quotes = sync_to_async(latest_quotes, thread_sensitive=False)
alatest_quote = sync_to_async(latest_quote, thread_sensitive=False)
alatest_snapshot = sync_to_async(latest_snapshot, thread_sensitive=False)
