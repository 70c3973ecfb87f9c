"""One venue's feed with its surroundings: lease, database, Redis. `run` lives until it is stopped."""

import asyncio
import contextlib
import random
import time
from collections.abc import Callable, Collection, Coroutine, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import msgspec
import structlog

from marketdata.bus import TickPublisher
from marketdata.events import Bar, Event, HistoryReady, Liquidation, Timeframe
from marketdata.exchanges.adapter import Listing, Rest
from marketdata.feed import rows
from marketdata.feed.archive import Archive, NoArchive, open_archive
from marketdata.feed.cache_writer import write_cache
from marketdata.feed.config import FeedConfig
from marketdata.feed.exchange_feed import ExchangeFeed
from marketdata.feed.lease import LeaseLost, give_lease_back, new_holder, renew_lease, take_lease
from marketdata.feed.listings import ListingKeeper
from marketdata.feed.outlets import Outlets
from marketdata.feed.recorder import Recorder
from marketdata.feed.replaying import Replay, ReplayOptions
from marketdata.feed.second_source import SecondSource
from marketdata.feed.status import status_rows
from marketdata.feed.tape import NoTape, Tape
from marketdata.recording.recorder import FrameRecorder
from marketdata.sources.config import stored_name

log = structlog.get_logger(__name__)

_ADVANCE_EVERY_S = 0.1
_ROWS_EVERY_S = 1.0
_STANDBY_EVERY_S = 1.0
_REST_TIMEOUT_S = 10.0
_FLUSH_S = 2.0


class FeedService:
    """Runs the feed of one venue.

    symbols: follow these instead of the Subscription rows. dry_run: connect and parse, but take no lease and write
    nothing anywhere. record: folder for raw frames, a folder an exchange. replay: a recording instead of the venue.
    followers: only what these follow, e.g. "bot:7".
    """

    def __init__(
        self,
        config: FeedConfig,
        *,
        symbols: Sequence[str] = (),
        dry_run: bool = False,
        record: Path | None = None,
        replay: ReplayOptions | None = None,
        followers: Collection[str] = (),
        on_note: Callable[[str, str, str, str], None] = lambda exchange, kind, message, symbol: None,
    ) -> None:
        self.config = config
        self.is_standby = False
        self.feed: ExchangeFeed | None = None
        self.publisher: TickPublisher | None = None
        self._fixed = set(symbols)
        self._followers = followers
        self._dry_run = dry_run
        self._record = record
        self._replay_options = replay
        self._replay: Replay | None = None
        self._archive: Archive = NoArchive()
        self._on_note = on_note
        self.holder = new_holder()
        self._epoch = 0
        self._recorder = Recorder(exchange_id=config.exchange_id, exchange=config.exchange, enabled=not dry_run)
        self._listings = ListingKeeper(config, self._recorder, dry_run=dry_run)
        self._failure: asyncio.Future[None] | None = None
        self._wanted: set[str] = set(symbols)

    @property
    def is_over(self) -> bool:
        """Whether all of a recording was played."""
        return self._replay is not None and self._replay.is_over

    @property
    def is_leading(self) -> bool:
        return self._epoch > 0 and not self.is_standby

    def reload(self) -> None:
        """Ask the venue what it lists, within a second; rows are read every second anyway."""
        self._listings.ask_again()

    async def run(self) -> None:
        """Lead the feed, or stand by until nobody else leads, until cancelled."""
        while True:
            if not self._dry_run:
                await self._wait_for_lease()
            try:
                await self._lead()
            except LeaseLost:
                log.warning("[WS] another process leads the feed now: standing by", exchange=self.config.exchange)

    async def _wait_for_lease(self) -> None:
        while True:
            epoch = await self._recorder.attempt(take_lease, exchange_id=self.config.exchange_id, holder=self.holder)
            if epoch is not None:
                self._epoch = self._recorder.epoch = epoch
                self.is_standby = False
                return
            if not self.is_standby:
                self.is_standby = True
                log.info("[WS] another process leads the feed: standing by", exchange=self.config.exchange)
            await asyncio.sleep(_STANDBY_EVERY_S)

    async def _lead(self) -> None:
        tape = self._make_tape()
        self._archive = open_archive(exchange=self.config.exchange, enabled=not self._dry_run)
        try:
            await self._stream(tape)
        finally:
            await asyncio.to_thread(self._archive.close)
            if isinstance(tape, FrameRecorder):
                await asyncio.to_thread(tape.close)

    async def _stream(self, tape: Tape) -> None:
        limits = httpx.Limits(max_connections=8)
        async with httpx.AsyncClient(timeout=_REST_TIMEOUT_S, limits=limits) as client:
            rest = self.config.adapter.rest(
                exchange=self.config.exchange,
                base_url=self.config.endpoints.rest_url,
                client=client,
                clock_ns=time.time_ns,
                credentials=self.config.credentials,
            )
            outlets = Outlets(
                publish=self._publish,
                note=self._note,
                keep_bar=self._keep_bar,
                keep_liquidation=self._keep_liquidation,
                history_kept=self._history_kept,
                fail=self._fail,
                pace=self._pace,
                tape=tape,
            )
            self._failure = asyncio.get_running_loop().create_future()
            feed = self.feed = await self._make_feed(rest, outlets)
            loops: list[Coroutine[Any, Any, None]] = [self._advance(feed), self._follow(feed, rest.listings)]
            if self._replay is None:
                loops.append(feed.rest_work.poll(lambda: list(feed.followed.values())))
                loops.append(feed.clock_check.run(feed.followed.values))
            publishing: list[Coroutine[Any, Any, None]] = []
            if not self._dry_run:
                self.publisher = TickPublisher(
                    exchange=self.config.exchange,
                    epoch=self._epoch,
                    now_ns=feed.now_ns,
                    on_recovered=feed.tell_everything,
                    on_outage=self._note_outage,
                )
                loops.append(self._write_rows(feed))
                publishing = [self.publisher.run(), write_cache(feed, self.publisher)]
                if self._replay is None:
                    second = SecondSource(feed, other=self.config.second_source, limit_bps=self.config.divergence_bps)
                    loops.append(second.run())
            tasks = [asyncio.create_task(loop) for loop in loops]
            publishers = [asyncio.create_task(loop) for loop in publishing]
            try:
                done, _ = await asyncio.wait({*tasks, *publishers, self._failure}, return_when=asyncio.FIRST_COMPLETED)
                for ended in done:
                    ended.result()
            finally:
                await self._stop(feed, tasks, publishers)

    def _make_tape(self) -> Tape:
        if self._record is None:
            return NoTape()
        return FrameRecorder(
            self._record / self.config.exchange,
            exchange=self.config.exchange,
            adapter_name=self.config.adapter.name,
            clock_ns=time.time_ns,
            on_problem=lambda text: log.error("[WS] recorder", exchange=self.config.exchange, message=text),
        )

    async def _make_feed(self, rest: Rest, outlets: Outlets) -> ExchangeFeed:
        rng = random.Random()
        make = partial(ExchangeFeed, self.config, rest=rest, outlets=outlets, rng=rng)
        if self._fixed:
            make = partial(make, advice="")
        if self._replay_options is None:
            return make()
        stored = await self._recorder.attempt(rows.known_instruments, self.config.exchange_id) or {}
        self._listings.instrument_ids = {symbol: pk for symbol, (pk, _) in stored.items()}
        listings = [listing for _, listing in stored.values()]
        replay = self._replay = await asyncio.to_thread(Replay, self.config, self._replay_options, stored=listings)
        feed = make(make_source=replay.make_source, clock_ns=replay.now_ns)
        replay.begin(feed)
        return feed

    async def _stop(
        self, feed: ExchangeFeed, tasks: Sequence["asyncio.Task[None]"], publishers: Sequence["asyncio.Task[None]"]
    ) -> None:
        """Stop intake first, so that nothing contradicts the last word, then flush."""
        await _cancel(tasks)
        await feed.close()
        if self.publisher is not None and not self.publisher.is_down:
            await self.publisher.flush(_FLUSH_S)
        await _cancel(publishers)
        if not self._dry_run:
            with contextlib.suppress(LeaseLost):
                await self._recorder.write(status_rows(feed, elapsed_s=_ROWS_EVERY_S))
            await self._recorder.attempt(
                give_lease_back, exchange_id=self.config.exchange_id, holder=self.holder, epoch=self._epoch
            )

    async def _advance(self, feed: ExchangeFeed) -> None:
        while True:
            feed.advance()
            await asyncio.sleep(_ADVANCE_EVERY_S)

    async def _follow(self, feed: ExchangeFeed, fetch: Callable[[], Coroutine[Any, Any, list[Listing]]]) -> None:
        """Follow what the Subscription rows say, looking once a second."""
        while True:
            if not self._fixed:
                wanted = await self._recorder.attempt(rows.wanted_symbols, self.config.exchange_id, self._followers)
                self._wanted = self._wanted if wanted is None else wanted
            if self._replay is None:
                await self._listings.look_after(feed, self._wanted, fetch)
            feed.follow(self._wanted)
            await asyncio.sleep(_ROWS_EVERY_S)

    async def _write_rows(self, feed: ExchangeFeed) -> None:
        before_s = time.monotonic()
        while True:
            await asyncio.sleep(_ROWS_EVERY_S)
            still_leading = await self._recorder.attempt(
                renew_lease, exchange_id=self.config.exchange_id, holder=self.holder, epoch=self._epoch
            )
            # None: the database is away, and with it everyone who could take over.
            if still_leading is False:
                raise LeaseLost
            now_s = time.monotonic()
            await self._recorder.write(status_rows(feed, elapsed_s=now_s - before_s))
            before_s = now_s

    def _publish(self, symbol: str, events: Sequence[Event]) -> None:
        if self.publisher is not None and events:
            self.publisher.add(symbol, events)
            self._archive.append(events)

    async def _pace(self) -> None:
        if self.publisher is not None:
            await self.publisher.pace()
        else:
            await asyncio.sleep(0)

    def _note(self, kind: str, message: str, symbol: str) -> None:
        self._recorder.note(kind, message, at_ns=time.time_ns(), symbol=symbol)
        self._on_note(self.config.exchange, kind, message, symbol)

    def _note_outage(self, is_down: bool) -> None:
        if is_down:
            self._note("redis_away", "Redis is away: bots and browsers get no ticks until it is back.", "")
        else:
            self._note("redis_back", "Redis is back: everything is told again.", "")

    def _keep_bar(self, symbol: str, bar: Bar) -> None:
        instrument_id = self._listings.instrument_ids.get(symbol)
        if instrument_id is not None:
            self._recorder.keep_bar(instrument_id, bar)

    def _keep_liquidation(self, event: Liquidation) -> None:
        """Stored like what slow sources find: venues do not tell it again."""
        name = stored_name(self.config.exchange, self.config.environment)
        self._recorder.keep_observation(
            msgspec.structs.replace(event, exchange=name, symbol=event.symbol.partition("/")[0])
        )

    def _history_kept(self, symbol: str, timeframe: Timeframe) -> None:
        """Tell consumers when the bars are where they can load them."""
        self._recorder.when_stored(partial(self._tell_history, symbol, timeframe))

    def _tell_history(self, symbol: str, timeframe: Timeframe) -> None:
        feed = self.feed
        if feed is None or symbol not in feed.followed:
            return
        ready = HistoryReady(
            exchange=self.config.exchange,
            symbol=symbol,
            timeframe=timeframe,
            ts_event=feed.now_ns(),
            ts_init=time.time_ns(),
        )
        feed.counts["history_told"] += 1
        self._publish(symbol, [ready])

    def _fail(self, error: BaseException) -> None:
        if self._failure is not None and not self._failure.done():
            self._failure.set_exception(error)


async def _cancel(tasks: Sequence["asyncio.Task[None]"]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
