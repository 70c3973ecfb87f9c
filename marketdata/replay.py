"""Recorded sessions, through the same parsers, book, checks and bars as the live feed.

The format is that of `marketdata.recording.lines`; captures of others, a gzip of lines `<receive ns> <frame>`, are
read as well.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from marketdata.clock import venue_clock
from marketdata.events import Bar, Event, Timeframe
from marketdata.exchanges.adapter import Adapter, Listing
from marketdata.recording.lines import Frame
from marketdata.recording.playback import Down, Handover, History, Malformed, Note, Playback, Step, Taken, Up
from marketdata.recording.reading import CaptureCut, MalformedCapture, read_capture
from marketdata.stream import TIMEFRAMES, SymbolStream

__all__ = ["CaptureCut", "Frame", "MalformedCapture", "Replay", "read_capture", "replay_events"]


class Replay:
    """Iterate to get `(now_ns, event)` in order, unconflated. Afterwards `counts` accounts for every frame.

    `path` is a file, or the folder of a recorder. `symbols` maps the venue's spelling to ours. `start_bars` are
    one-minute bars before the recording, of all symbols; the minute in which the recording begins counts as whole.
    `clock` is "stream" (the newest time told by the venue, as a live feed has it under replay) or "system" (the
    recorded receive times). A malformed frame is counted and left out; a cut capture ends the iteration by CaptureCut.
    """

    def __init__(
        self,
        path: Path,
        *,
        adapter: Adapter,
        exchange: str,
        symbols: Mapping[str, str],
        listings: Mapping[str, Listing] | None = None,
        start_bars: Iterable[Bar] = (),
        timeframes: tuple[Timeframe, ...] = TIMEFRAMES,
        clock: str = "stream",
    ) -> None:
        self._playback = Playback(path, adapter=adapter, exchange=exchange, symbols=symbols, listings=listings)
        self._start_bars = list(start_bars)
        self._clock = venue_clock(clock)
        self._begun: set[str] = set()
        self.streams = {
            symbol: SymbolStream(
                exchange=exchange,
                symbol=symbol,
                clock=self._clock,
                timeframes=timeframes,
                quotes_from_book=adapter.quotes_from_book,
                quotes_prove_book=adapter.quotes_prove_book,
            )
            for symbol in symbols.values()
        }
        self.counts: Counter[str] = Counter()

    def __iter__(self) -> Iterator[tuple[int, Event]]:
        for step in self._playback:
            if type(step) is Taken:
                self.counts["frames"] += step.is_frame
                yield from self._take(step)
            else:
                for event in self._told(step):
                    yield self._clock.now_ns(step.ts_init), event

    def _take(self, step: Taken) -> Iterator[tuple[int, Event]]:
        for event in step.events:
            self.counts[type(event).__name__] += 1
            stream = self.streams.get(getattr(event, "symbol", ""))
            if stream is None:
                continue
            out = stream.receive(event)
            now_ns = self._clock.now_ns(step.ts_init)
            for told in out:
                yield now_ns, told

    def _told(self, step: Step) -> Iterator[Event]:
        match step:
            case Malformed():
                self.counts["frames"] += 1
                self.counts["malformed"] += 1
            case Up():
                for stream in self._of(step.symbols):
                    yield from self._connect(stream, step.ts_init)
            case Down():
                for stream in self._of(step.symbols):
                    yield from stream.disconnected(step.ts_init, reason=step.reason)
            case History() if step.symbol in self.streams:
                yield from self.streams[step.symbol].fill_history(step.bars, step.trades)
            case Handover():
                for stream in self._of(step.symbols):
                    stream.handed_over(step.ts_init)
            case History() | Note() | Taken():
                pass

    def _of(self, symbols: Sequence[str]) -> list[SymbolStream]:
        return [self.streams[symbol] for symbol in symbols if symbol in self.streams]

    def _connect(self, stream: SymbolStream, ts_init: int) -> Iterator[Event]:
        yield from stream.connected(ts_init)
        if stream.symbol not in self._begun:
            self._begun.add(stream.symbol)
            bars = [bar for bar in self._start_bars if bar.symbol == stream.symbol]
            yield from stream.fill_history(bars, (), assume_complete=True)


def replay_events(
    path: Path,
    *,
    adapter: Adapter,
    exchange: str,
    symbols: Mapping[str, str],
    start_bars: Iterable[Bar] = (),
    clock: str = "stream",
) -> Iterator[tuple[int, Event]]:
    """`Replay` for those who need no accounting."""
    return iter(Replay(path, adapter=adapter, exchange=exchange, symbols=symbols, start_bars=start_bars, clock=clock))
