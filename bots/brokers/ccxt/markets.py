"""A venue's markets, loaded once a process: twenty accounts at one venue have one list, and ask for it once."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any
from weakref import WeakKeyDictionary

FRESH_S = 3600.0
# Rules that an order met and were not what we thought: another account may just have asked.
JUST_NOW_S = 30.0

_NAMES = (
    "id", "markets", "markets_by_id", "symbols", "ids", "currencies", "currencies_by_id", "baseCurrencies",
    "quoteCurrencies", "codes",
)  # fmt: skip

Key = tuple[str, str]

_listed: dict[Key, tuple[SimpleNamespace, float]] = {}
_locks: "WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Key, asyncio.Lock]]" = WeakKeyDictionary()


async def share_markets(exchange: Any, key: Key, load: Callable[[], Awaitable[Any]], *, max_age_s: float) -> None:
    """Give `exchange` the markets of `key`, loaded by itself where nobody has since. Raises what loading raises."""
    lock = _locks.setdefault(asyncio.get_running_loop(), {}).setdefault(key, asyncio.Lock())
    async with lock:
        known, loaded_s = _listed.get(key, (None, float("-inf")))
        if known is None or time.monotonic() - loaded_s > max_age_s:
            await load()
            _listed[key] = _copy(exchange), time.monotonic()
        else:
            exchange.set_markets_from_exchange(known)


def forget_markets() -> None:
    _listed.clear()


def _copy(exchange: Any) -> SimpleNamespace:
    """Without the keys that are in the exchange beside them."""
    helpers = exchange.options.get("marketHelperProps") or []
    options = {"marketHelperProps": helpers} | {name: exchange.options.get(name) for name in helpers}
    return SimpleNamespace(options=options, **{name: getattr(exchange, name) for name in _NAMES})
