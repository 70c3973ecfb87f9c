"""Slow observations for the symbols of an engine: stored ones at the start, then those of the stream.

They come of assets, from sources that know nothing of the symbols' own streams: each source has its own epochs and
sequence, and what is missed of them is read from the database again, without a word about any order book.
"""

import asyncio
import re
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import structlog
from django.db import DatabaseError, InterfaceError

from bots.engine.membership import Membership
from bots.engine.past_observations import apast_observations
from marketdata.batches import BatchReader, MalformedBatch, tick_group
from marketdata.events import SLOW, Event
from marketdata.sources.service import OBSERVATIONS
from quant.signals.sentiment import MARKET

log = structlog.get_logger(__name__)

RECENT = 500
RETRY_S = 5.0
# A pause after each asset: what is read at once for fifty of them would keep the ticks waiting.
REST_S = 0.05
# The channel layer has no groups of other names; some venues list coins in Chinese.
GROUP_NAME = re.compile(r"[A-Za-z0-9_.-]{1,40}")


class Follower(Protocol):
    """Whoever takes the observations of a symbol's asset."""

    @property
    def asset(self) -> str: ...

    def now_ns(self) -> int: ...

    def observe(self, events: Sequence[Event]) -> None: ...

    async def take_past(self, past: Sequence[Event], recent: Sequence[Event]) -> None: ...


class Observations:
    """One membership of the channel layer for the assets of all symbols of an engine."""

    def __init__(
        self, layer: Any = None, *, load: Callable[[str, int], Any] = apast_observations, retry_s: float = RETRY_S
    ) -> None:
        self.membership = Membership(self.take, layer=layer)
        self._reader = BatchReader()
        self._load = load
        self._retry_s = retry_s
        self._followers: dict[str, list[Follower]] = {}
        self._recent: dict[str, deque[Event]] = {}
        self._epochs: dict[tuple[str, str], int] = {}
        self._due: dict[str, list[Follower]] = {}
        self._wake = asyncio.Event()
        self.batches = 0
        self.loads = 0

    def follow(self, follower: Follower) -> None:
        asset = follower.asset
        self._followers.setdefault(asset, []).append(follower)
        self._want(asset, [follower])
        self._match_groups()

    def unfollow(self, follower: Follower) -> None:
        asset = follower.asset
        left = [found for found in self._followers.get(asset, ()) if found is not follower]
        if left:
            self._followers[asset] = left
        else:
            for known in (self._followers, self._recent, self._due):
                known.pop(asset, None)
        self._match_groups()

    def _match_groups(self) -> None:
        assets = {asset for asset in self._followers if GROUP_NAME.fullmatch(asset)}
        self.membership.want({tick_group(OBSERVATIONS, asset) for asset in (assets | {MARKET} if assets else assets)})

    def _want(self, asset: str, followers: Sequence[Follower]) -> None:
        self._due.setdefault(asset, []).extend(followers)
        self._wake.set()

    def take(self, message: dict[str, Any]) -> None:
        """Give one message of the layer to the symbols that it concerns."""
        payload = message.get("payload")
        if not isinstance(payload, bytes):
            return
        try:
            read = self._reader.read(payload)
        except MalformedBatch as error:
            log.error("[WS] observations that cannot be read", error=str(error))
            return
        if read is None:
            return
        batch = read.batch
        self.batches += 1
        place = (batch.exchange, batch.symbol)
        is_new_leader = self._epochs.get(place, batch.epoch) != batch.epoch
        self._epochs[place] = batch.epoch
        events = [event for event in batch.events if isinstance(event, SLOW)]
        assets = list(self._followers) if batch.symbol == MARKET else [batch.symbol]
        for asset in assets:
            followers = self._followers.get(asset, [])
            if not followers:
                continue
            self._recent.setdefault(asset, deque(maxlen=RECENT)).extend(events)
            for follower in followers:
                follower.observe(events)
            if read.missed or is_new_leader:
                self._want(asset, followers)

    async def keep_loading(self) -> None:
        """Read what is stored for those that need it, one asset after the other, until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._due:
                asset = next(iter(self._due))
                followers = self._due.pop(asset)
                try:
                    await self._begin(asset, followers)
                except (DatabaseError, InterfaceError) as error:
                    log.warning("engine.observations.unavailable", asset=asset, error=str(error)[:300])
                    self._want(asset, followers)
                    await asyncio.sleep(self._retry_s)
                await asyncio.sleep(REST_S)

    async def _begin(self, asset: str, followers: Sequence[Follower]) -> None:
        started_s = time.monotonic()
        current = [found for found in dict.fromkeys(followers) if found in self._followers.get(asset, ())]
        if not current:
            return
        past = await self._load(asset, max(follower.now_ns() for follower in current))
        for follower in current:
            await follower.take_past(past, tuple(self._recent.get(asset, ())))
        self.loads += 1
        log.info(
            "[TRADING LOOP] observations loaded", asset=asset, rows=len(past), symbols=len(current),
            seconds=round(time.monotonic() - started_s, 2),
        )  # fmt: skip
