"""Recorded sessions, through the same parser, book, checks and bars as the live feed.

A capture is a gzip of lines `<receive ns> <frame>`; a line whose frame is a depth snapshot stands for the answer
of the venue's REST.
"""

import gzip
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from marketdata.clock import venue_clock
from marketdata.events import Bar, Event, Timeframe
from marketdata.exchanges.adapter import Adapter, MalformedFrame, VenueEvent
from marketdata.stream import TIMEFRAMES, SymbolStream

_IMAGE = b'{"lastUpdateId"'


class MalformedCapture(ValueError):
    """A line of a capture that cannot be read."""


class CaptureCut(EOFError):
    """The file ends in the middle: everything before was given."""

    def __init__(self, path: Path, frame: int) -> None:
        super().__init__(f"{path} is cut after frame {frame}: what came before was used. Copy the file again.")
        self.frame = frame


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    number: int
    ts_init: int
    payload: bytes


def read_capture(path: Path) -> Iterator[Frame]:
    """Read frames in order, counted from 1.

    Raises FileNotFoundError, MalformedCapture naming the line, and CaptureCut after the last whole frame of a file
    that ends too early.
    """
    number = 0
    try:
        with gzip.open(path, "rb") as lines:
            for line in lines:
                if not line.endswith(b"\n"):
                    # Only the end of a gzip stream tells whether a last line without a newline is whole.
                    next(lines, None)
                stamp, _, payload = line.rstrip(b"\r\n").partition(b" ")
                if not stamp.isdigit() or not payload:
                    raise MalformedCapture(
                        f"{path}, line {number + 1}: expected '<receive ns> <frame>', found {line[:80]!r}."
                    )
                number += 1
                yield Frame(number=number, ts_init=int(stamp), payload=payload)
    except (EOFError, zlib.error) as error:
        raise CaptureCut(path, number) from error
    except gzip.BadGzipFile as error:
        raise MalformedCapture(f"{path} is not a gzip file: {error}.") from error


class Replay:
    """Iterate to get `(now_ns, event)` in order, unconflated. Afterwards `counts` accounts for every frame.

    `symbols` maps the venue's spelling to ours. `start_bars` are one-minute bars before the recording, of all
    symbols; the minute in which the recording begins counts as whole. `clock` is "stream" (the newest time told by
    the venue, as a live feed has it under replay) or "system" (the recorded receive times). A malformed frame is
    counted and left out; a cut capture ends the iteration by CaptureCut.
    """

    def __init__(
        self,
        path: Path,
        *,
        adapter: Adapter,
        exchange: str,
        symbols: Mapping[str, str],
        start_bars: Iterable[Bar] = (),
        timeframes: tuple[Timeframe, ...] = TIMEFRAMES,
        clock: str = "stream",
    ) -> None:
        self._path = path
        self._start_bars = list(start_bars)
        self._parser = adapter.parser(exchange=exchange, symbols=symbols)
        self._clock = venue_clock(clock)
        self.streams = {
            symbol: SymbolStream(exchange=exchange, symbol=symbol, clock=self._clock, timeframes=timeframes)
            for symbol in symbols.values()
        }
        self.counts: Counter[str] = Counter()

    def __iter__(self) -> Iterator[tuple[int, Event]]:
        for frame in read_capture(self._path):
            if frame.number == 1:
                yield from self._begin(frame.ts_init)
            self.counts["frames"] += 1
            for event in self._parse(frame):
                self.counts[type(event).__name__] += 1
                stream = self.streams.get(getattr(event, "symbol", ""))
                if stream is None:
                    continue
                out = stream.receive(event)
                now_ns = self._clock.now_ns(frame.ts_init)
                for told in out:
                    yield now_ns, told

    def _begin(self, ts_init: int) -> Iterator[tuple[int, Event]]:
        for symbol, stream in self.streams.items():
            events = stream.connected(ts_init)
            events += stream.fill_history(
                [bar for bar in self._start_bars if bar.symbol == symbol], (), assume_complete=True
            )
            for event in events:
                yield self._clock.now_ns(ts_init), event

    def _parse(self, frame: Frame) -> Iterable[VenueEvent]:
        try:
            if frame.payload.startswith(_IMAGE):
                symbol = next(iter(self.streams))
                return (self._parser.parse_image(frame.payload, symbol=symbol, ts_init=frame.ts_init),)
            return self._parser.parse(frame.payload, ts_init=frame.ts_init)
        except MalformedFrame:
            self.counts["malformed"] += 1
            return ()


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
