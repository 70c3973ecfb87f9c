"""A recording in the place of a venue's sockets."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from marketdata.events import Bar, TradeTick
from marketdata.exchanges.adapter import Adapter, Listing
from marketdata.feed.source import Health, Hearer
from marketdata.recording.playback import Down, Handover, History, Malformed, Note, Playback, Step, Taken, Up
from marketdata.recording.reading import CaptureCut, MalformedCapture

_FRAMES_PER_TURN = 32
# Sleeping for less costs more than it is worth.
_SHORTEST_WAIT_S = 0.001


class ReplaySource:
    """The Source of a recording: the same parsers, the recorded receive times, at `speed` times the recorded pace.

    Speed 0 is as fast as the hearer takes it. Plays once, from the first symbol that is added; only what concerns added
    symbols is told up and down. When it is over, or cannot go on, `ended` is set after a note; `problem` is then empty
    or says why it could not go on. on_history(symbol, bars, trades) hears what REST had given.
    """

    def __init__(
        self,
        path: Path,
        *,
        adapter: Adapter,
        exchange: str,
        symbols: Mapping[str, str],
        listings: Mapping[str, Listing],
        hearer: Hearer,
        speed: float = 1.0,
        on_history: Callable[[str, Sequence[Bar], Sequence[TradeTick]], None] | None = None,
    ) -> None:
        self.ended = asyncio.Event()
        self.problem = ""
        self.frames = 0
        # When what was told last was received, in nanoseconds.
        self.newest_ns = 0
        self._path = path
        self._playback = Playback(path, adapter=adapter, exchange=exchange, symbols=symbols, listings=listings)
        self._hearer = hearer
        self._speed = speed
        self._on_history = on_history
        self._added: set[str] = set()
        self._connects: Counter[str] = Counter()
        self._task: asyncio.Task[None] | None = None
        self._begin: tuple[float, int] | None = None

    def add(self, symbol: str, venue_symbol: str) -> None:
        self._added.add(symbol)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    def remove(self, symbol: str) -> None:
        self._added.discard(symbol)

    def resubscribe(self, symbol: str, *, group: str = "") -> None:
        """A recording brings what it brings."""

    def reconnect(self, symbols: Sequence[str]) -> None:
        """A recording brings what it brings."""

    def unasked(self) -> frozenset[str]:
        """A recording asks for nothing."""
        return frozenset()

    def advance(self, now_s: float) -> None:
        """A recording has its own time."""

    def health(self, symbol: str) -> Health:
        return Health(connects=self._connects[symbol])

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        self.ended.set()

    async def _run(self) -> None:
        try:
            await self._play()
        except CaptureCut as error:
            self._hearer.note("replay_ended", str(error))
        except (MalformedCapture, OSError) as error:
            self.problem = str(error)
            self._hearer.note("replay_failed", self.problem)
        except Exception as error:  # noqa: BLE001 the feed's supervisor hears of it
            self.problem = f"{type(error).__name__}: {error}"
            self._hearer.fail(error)
        else:
            self._hearer.note("replay_ended", f"{self._path} was replayed to its end: {self.frames} frames.")
        self.ended.set()

    async def _play(self) -> None:
        for turn, step in enumerate(self._playback, 1):
            if self._speed:
                await self._wait_for(step.ts_init)
            self._tell(step)
            if turn % _FRAMES_PER_TURN == 0:
                await self._hearer.pace()
                if not self._speed:
                    await asyncio.sleep(0)

    async def _wait_for(self, ts_init: int) -> None:
        now_s = asyncio.get_running_loop().time()
        if self._begin is None:
            self._begin = now_s, ts_init
        begin_s, begin_ns = self._begin
        wait_s = begin_s + (ts_init - begin_ns) / 1e9 / self._speed - now_s
        if wait_s > _SHORTEST_WAIT_S:
            await asyncio.sleep(wait_s)

    def _tell(self, step: Step) -> None:
        hearer = self._hearer
        self.newest_ns = max(self.newest_ns, step.ts_init)
        match step:
            case Taken():
                self.frames += step.is_frame
                if step.events:
                    hearer.take(step.events)
            case Malformed():
                self.frames += 1
                hearer.malformed(step.message, step.ts_init)
            case Up():
                symbols = self._of(step.symbols)
                self._connects.update(symbols)
                if symbols:
                    hearer.up(symbols, self.health(symbols[0]))
            case Down():
                if symbols := self._of(step.symbols):
                    hearer.down(symbols, step.reason, self.health(symbols[0]))
            case Handover():
                if symbols := self._of(step.symbols):
                    hearer.handover(symbols)
            case History():
                if self._on_history is not None and step.symbol in self._added:
                    self._on_history(step.symbol, step.bars, step.trades)
            case Note():
                hearer.note("replay", step.text)

    def _of(self, symbols: Sequence[str]) -> list[str]:
        return [symbol for symbol in symbols if symbol in self._added]
