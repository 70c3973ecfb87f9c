"""`testfeed`: connect to one symbol as the feed would, write nothing, and say how it went."""

import asyncio
import contextlib
import random
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import IntEnum
from functools import partial
from typing import Any, Protocol

import httpx

from marketdata.events import Bar, Event, Timeframe
from marketdata.exchanges.adapter import Listing, NotAllowed, Rest, VenueError
from marketdata.feed.config import FeedConfig
from marketdata.feed.exchange_feed import ExchangeFeed
from marketdata.feed.followed import Followed, explain_unknown
from marketdata.feed.outlets import Outlets
from marketdata.feed.price import Price, price_of
from marketdata.models import Environment

_LOOK_EVERY_S = 0.1
_PRICE_EVERY_S = 1.0
_REST_TIMEOUT_S = 10.0


class Verdict(IntEnum):
    """Exit codes."""

    FINE = 0
    UNEXPECTED = 1
    UNKNOWN = 2
    NO_DATA = 3
    NOT_ALLOWED = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """How the trial went. `reason` is empty when all went well, and says what to do otherwise."""

    exchange: str
    environment: str
    symbol: str
    verdict: Verdict
    reason: str
    state: str = ""
    seconds: float = 0.0
    messages: int = 0
    messages_per_s: float = 0.0
    lag_p50_ms: float | None = None
    lag_p95_ms: float | None = None
    gaps: int = 0
    reconnects: int = 0
    rejected: int = 0
    bars: int = 0

    def as_record(self) -> dict[str, Any]:
        return {**asdict(self), "verdict": self.verdict.name.lower()}


class Audience(Protocol):
    """Who watches a trial."""

    def event(self, kind: str, message: str) -> None: ...

    def price(self, price: Price) -> None:
        """About once a second."""

    def bar(self, bar: Bar) -> None:
        """Each as it closes."""


async def try_feed(
    config: FeedConfig,
    *,
    symbol: str,
    timeframe: Timeframe,
    duration_s: float,
    audience: Audience,
    stop: asyncio.Event,
) -> Summary:
    """Stream for `duration_s`, or until `stop` is set or it is clear that nothing will come."""
    return await _Trial(config, symbol, timeframe, audience).run(duration_s, stop)


class _Trial:
    def __init__(self, config: FeedConfig, symbol: str, timeframe: Timeframe, audience: Audience) -> None:
        self._config = config
        self._symbol = symbol
        self._timeframe = timeframe
        self._audience = audience
        self._feed: ExchangeFeed | None = None
        self._failure: BaseException | None = None
        self._bars: set[int] = set()
        self._last_note = ""
        self._began_s = time.monotonic()
        self._priced_s = 0.0

    async def run(self, duration_s: float, stop: asyncio.Event) -> Summary:
        config = self._config
        async with httpx.AsyncClient(timeout=_REST_TIMEOUT_S) as client:
            rest = config.adapter.rest(
                exchange=config.exchange,
                base_url=config.endpoints.rest_url,
                client=client,
                clock_ns=time.time_ns,
                credentials=config.credentials,
            )
            listings = await self._ask_listings(rest)
            if isinstance(listings, Summary):
                return listings
            feed = self._feed = ExchangeFeed(config, rest=rest, outlets=self._outlets(), rng=random.Random())
            feed.set_listings(listings)
            feed.follow({self._symbol})
            polling = asyncio.create_task(feed.rest_work.poll(lambda: list(feed.followed.values())))
            try:
                verdict = await self._watch(feed, duration_s, stop)
                return self._sum_up(feed, verdict)
            finally:
                polling.cancel()
                await asyncio.wait({polling})
                await feed.close()

    async def _watch(self, feed: ExchangeFeed, duration_s: float, stop: asyncio.Event) -> Verdict | None:
        ends_s = self._began_s + duration_s
        while not stop.is_set() and time.monotonic() < ends_s:
            feed.advance()
            if self._failure is not None:
                return Verdict.UNEXPECTED
            item = self._item
            if feed.denied and (item is None or item.stream.state != "live"):
                return Verdict.NOT_ALLOWED
            now_s = time.monotonic()
            if item is not None and now_s - self._priced_s >= _PRICE_EVERY_S:
                self._priced_s = now_s
                self._audience.price(price_of(item, feed.now_ns()))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_EVERY_S):
                    await stop.wait()
        return None

    async def _ask_listings(self, rest: Rest) -> list[Listing] | Summary:
        """What would only show as silence later, told at once."""
        config = self._config
        try:
            listings = await rest.listings()
        except NotAllowed as error:
            return self._summary(Verdict.NOT_ALLOWED, str(error))
        except VenueError as error:
            advice = "Check the network, the exchange's addresses and its status page."
            if config.environment == Environment.SIMULATED:
                advice = "That was asked of the simulated exchange; --environment live asks the venue itself."
            reason = f"{error}. {advice}"
            return self._summary(Verdict.NO_DATA, reason)
        known = {listing.symbol for listing in listings}
        self._audience.event("listings", f"{config.exchange} lists {len(known)} symbols.")
        if self._symbol not in known:
            return self._summary(Verdict.UNKNOWN, explain_unknown(self._symbol, config.exchange, sorted(known)))
        return listings

    def _outlets(self) -> Outlets:
        return Outlets(
            publish=self._on_events,
            note=self._on_note,
            keep_bar=lambda symbol, bar: None,
            keep_liquidation=lambda event: None,
            history_kept=lambda symbol, timeframe: None,
            fail=self._on_failure,
            pace=partial(asyncio.sleep, 0),
        )

    @property
    def _item(self) -> Followed | None:
        return self._feed.followed.get(self._symbol) if self._feed is not None else None

    def _sum_up(self, feed: ExchangeFeed, verdict: Verdict | None) -> Summary:
        item = self._item
        if verdict is Verdict.UNEXPECTED:
            return self._summary(verdict, f"The feed crashed: {self._failure!r}. The log says more.")
        if verdict is Verdict.NOT_ALLOWED:
            return self._summary(verdict, feed.denied)
        state = item.stream.state if item is not None else ""
        has_ticks = item is not None and (item.stream.quote is not None or item.stream.trade is not None)
        if not has_ticks and state != "closed":
            why = (item.stream.reason if item is not None else "") or self._last_note or "the venue sent nothing"
            return self._summary(Verdict.NO_DATA, f"No tick of {self._symbol}: {why}")
        return self._summary(Verdict.FINE, "")

    def _summary(self, verdict: Verdict, reason: str) -> Summary:
        item, seconds = self._item, time.monotonic() - self._began_s
        config = self._config
        if item is None:
            return Summary(
                exchange=config.exchange,
                environment=config.environment,
                symbol=self._symbol,
                verdict=verdict,
                reason=reason,
                seconds=round(seconds, 1),
            )
        return Summary(
            exchange=config.exchange,
            environment=config.environment,
            symbol=self._symbol,
            verdict=verdict,
            reason=reason,
            state=item.stream.state,
            seconds=round(seconds, 1),
            messages=item.messages,
            messages_per_s=round(item.messages / max(seconds, 1e-3), 1),
            lag_p50_ms=item.lag_ms(0.5),
            lag_p95_ms=item.lag_ms(0.95),
            gaps=item.stream.gaps,
            reconnects=item.reconnects,
            rejected=item.rejected,
            bars=len(self._bars),
        )

    def _on_note(self, kind: str, message: str, symbol: str) -> None:
        self._last_note = message
        self._audience.event(kind, message)

    def _on_events(self, symbol: str, events: Sequence[Event]) -> None:
        for event in events:
            if not isinstance(event, Bar) or not event.closed or event.timeframe != self._timeframe:
                continue
            if event.ts_open not in self._bars:
                self._bars.add(event.ts_open)
                self._audience.bar(event)

    def _on_failure(self, error: BaseException) -> None:
        self._failure = error
