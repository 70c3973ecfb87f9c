"""Names of what a browser may subscribe to, and which events belong to which. Pure."""

import re
from dataclasses import dataclass
from enum import StrEnum

from marketdata.stream import TIMEFRAMES

MAX_CHANNELS = 300

_EXCHANGE = r"[a-z0-9][a-z0-9_-]{0,31}"
_SYMBOL = r"[A-Za-z0-9.-]{1,20}/[A-Za-z0-9.-]{1,20}(?::[A-Za-z0-9.-]{1,20})?|[A-Za-z0-9. _-]{1,40}"
_PRICES = re.compile(rf"prices:({_EXCHANGE}):({_SYMBOL})")
_CANDLES = re.compile(rf"candles:({_EXCHANGE}):({_SYMBOL}):({'|'.join(TIMEFRAMES)})")


class Topic(StrEnum):
    BOTS = "bots"
    ORDERS = "orders"
    POSITIONS = "positions"
    FEEDS = "feeds"


TOPIC_OF_EVENT = {
    "orderUpdate": Topic.ORDERS,
    "orderExecuted": Topic.ORDERS,
    "positionUpdate": Topic.POSITIONS,
    "botState": Topic.BOTS,
    "tradingCycleComplete": Topic.BOTS,
    "performanceUpdate": Topic.BOTS,
    "feedEvent": Topic.FEEDS,
    "regimeUpdate": Topic.FEEDS,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """A subscription to prices, or to candles where there is a timeframe."""

    exchange: str
    symbol: str
    timeframe: str | None = None


class UnknownChannel(ValueError):
    """No channel of ours; the message says what there is."""


def parse_channel(name: object) -> Topic | Market:
    """Raises UnknownChannel."""
    if isinstance(name, str):
        if name in set(Topic):
            return Topic(name)
        if match := _PRICES.fullmatch(name):
            return Market(exchange=match[1], symbol=match[2])
        if match := _CANDLES.fullmatch(name):
            return Market(exchange=match[1], symbol=match[2], timeframe=match[3])
    raise UnknownChannel(
        f"{str(name)[:80]!r} is no channel. There are {', '.join(Topic)}, prices:<exchange>:<symbol> and "
        f"candles:<exchange>:<symbol>:<timeframe> with one of {', '.join(TIMEFRAMES)}."
    )
