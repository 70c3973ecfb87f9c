"""What a recording says happened, in order: the frames through the venue's parsers, one for each socket."""

from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

from marketdata.events import Bar, TradeTick
from marketdata.exchanges.adapter import Adapter, BookImage, Listing, MalformedFrame, Parser, Reply, VenueEvent
from marketdata.recording.lines import Begin, Frame, Mark, MarkKind
from marketdata.recording.reading import MalformedCapture, begin_of, read_session

# How recordings that have frames only tell a book that REST answered.
_IMAGE = b'{"lastUpdateId"'
_STOPPED = "the recording was stopped here"


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What one frame, or an image fetched by REST, gave. `is_frame` is false for the latter."""

    ts_init: int
    events: Sequence[VenueEvent]
    is_frame: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Malformed:
    ts_init: int
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Up:
    ts_init: int
    symbols: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Down:
    ts_init: int
    symbols: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    ts_init: int
    symbols: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Minutes and prints that REST gave."""

    ts_init: int
    symbol: str
    bars: Sequence[Bar]
    trades: Sequence[TradeTick]


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    ts_init: int
    text: str


T = TypeVar("T")

Step = Taken | Malformed | Up | Down | Handover | History | Note


class _Past(msgspec.Struct):
    bars: list[Bar]
    trades: list[TradeTick]


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionInfo:
    """What the beginning of a recording tells. Empty where it consists of frames only."""

    exchange: str
    adapter: str
    listings: Mapping[str, Listing]
    start_ns: int

    @property
    def symbols(self) -> dict[str, str]:
        """The venue's spelling → ours."""
        return {item.venue_symbol: item.symbol for item in self.listings.values()}


def session_info(path: Path) -> SessionInfo:
    """Look at the beginning of a file or folder. Raises FileNotFoundError and MalformedCapture."""
    begin: Begin | None = None
    listings: dict[str, Listing] = {}
    start_ns = 0
    for record in read_session(path):
        start_ns = start_ns or record.ts_init
        if isinstance(record, Frame):
            break
        if record.kind is MarkKind.BEGIN:
            begin = begin or begin_of(record, path)
        elif record.kind is MarkKind.LISTINGS:
            listings = _listings(record, path)
    return SessionInfo(
        exchange=begin.exchange if begin else "",
        adapter=begin.adapter if begin else "",
        listings=listings,
        start_ns=start_ns,
    )


class Playback:
    """Iterate to get the steps. `symbols` maps the venue's spelling to ours, `listings` our spelling to its rules.

    Both are added to from the recording, so that the parsers know what they knew then. Replies of the parsers are left
    out. Raises FileNotFoundError, MalformedCapture and CaptureCut as `read_session`.
    """

    def __init__(
        self,
        path: Path,
        *,
        adapter: Adapter,
        exchange: str,
        symbols: Mapping[str, str],
        listings: Mapping[str, Listing] | None = None,
    ) -> None:
        self._path = path
        self._adapter = adapter
        self._exchange = exchange
        self._symbols: MutableMapping[str, str] = dict(symbols)
        self._listings: MutableMapping[str, Listing] = dict(listings or {})
        # Of recordings without marks, in which an image does not say whose it is: of whom the frame before told.
        self._all = tuple(symbols.values())
        self._image_symbol = next(iter(self._all), "")
        self._has_marks = False
        self._has_opens = False
        self._is_first = True
        self._up: set[str] = set()
        self._parsers: dict[str, Parser] = {}
        self._held: dict[str, list[VenueEvent]] = {}
        # What was held for symbols that were down: it is told after they are up.
        self._late: list[VenueEvent] = []
        self._images = self._parser()

    def __iter__(self) -> Iterator[Step]:
        for record in read_session(self._path):
            if self._late and not (isinstance(record, Mark) and record.kind is MarkKind.UP):
                yield self._tell_late(record.ts_init)
            if type(record) is Frame:
                if self._is_first:
                    self._is_first = False
                    if not self._has_marks:
                        yield self._set_up(record.ts_init, self._all)
                step = self._frame(record)
                if step is not None:
                    yield step
            elif isinstance(record, Mark):
                yield from self._mark(record)

    def _parser(self) -> Parser:
        return self._adapter.parser(exchange=self._exchange, symbols=self._symbols, listings=self._listings)

    def _frame(self, frame: Frame) -> Step | None:
        socket = frame.socket
        parser = self._parsers.get(socket)
        if parser is None:
            parser = self._parsers[socket] = self._parser()
        try:
            if not self._has_marks and frame.payload.startswith(_IMAGE):
                image = self._images.parse_image(frame.payload, symbol=self._image_symbol, ts_init=frame.ts_init)
                return Taken(ts_init=frame.ts_init, events=(image,))
            events = parser.parse(frame.payload, ts_init=frame.ts_init)
        except MalformedFrame as error:
            return Malformed(ts_init=frame.ts_init, message=str(error))
        for event in events:
            if type(event) is Reply:
                events = [event for event in events if type(event) is not Reply]
                break
        if not self._has_marks and events:
            self._image_symbol = getattr(events[0], "symbol", "") or self._image_symbol
        if socket in self._held:
            self._held[socket].extend(events)
            events = ()
        return Taken(ts_init=frame.ts_init, events=events)

    def _mark(self, mark: Mark) -> Iterator[Step]:
        at = mark.ts_init
        match mark.kind:
            case MarkKind.BEGIN:
                yield from self._begin(begin_of(mark, self._path), at)
            case MarkKind.LISTINGS:
                found = _listings(mark, self._path)
                self._listings.update(found)
                self._symbols.update({item.venue_symbol: item.symbol for item in found.values()})
            case MarkKind.OPEN:
                self._open(str(mark.about), is_held=bool(mark.more.get("held")))
            case MarkKind.UP:
                self._parsers.pop(mark.socket, None)
                yield self._set_up(at, mark.symbols)
                if self._late:
                    yield self._tell_late(at)
            case MarkKind.DOWN:
                yield from self._set_down(at, mark.symbols, mark.text)
            case MarkKind.HANDOVER:
                held = self._held.pop(mark.socket, [])
                if self._up.isdisjoint(mark.symbols):
                    # It replaces a socket that was lost.
                    self._late = held
                    return
                yield Handover(ts_init=at, symbols=mark.symbols)
                if held:
                    yield Taken(ts_init=at, events=held, is_frame=False)
            case MarkKind.BOOK:
                yield Taken(ts_init=at, events=(_decode(mark, BookImage, self._path),), is_frame=False)
            case MarkKind.HISTORY:
                past = _decode(mark, _Past, self._path)
                yield History(ts_init=at, symbol=mark.symbols[0], bars=past.bars, trades=past.trades)
            case MarkKind.NOTE:
                yield Note(ts_init=at, text=str(mark.about))
            case MarkKind.LOST:
                yield from self._lose(at, f"{mark.about} lines of the recording are missing")
            case _:
                # Asked for, or about the file itself: nothing that a feed hears of.
                pass

    def _begin(self, begin: Begin, at: int) -> Iterator[Step]:
        is_first, self._has_marks = not self._has_marks, True
        if is_first and begin.follows:
            yield Note(ts_init=at, text=f"This goes on from {begin.follows}: order books begin with their next image.")
        if not is_first:
            if begin.follows:
                return
            # Another run of the recorder, or the same after trouble: nothing of what was before holds.
            yield from self._set_down(at, tuple(sorted(self._up)), _STOPPED)
            self._parsers.clear()
            self._held.clear()
        if begin.up:
            yield self._set_up(at, begin.up)

    def _open(self, socket: str, *, is_held: bool) -> None:
        self._has_opens = True
        self._parsers.pop(socket, None)
        self._held.pop(socket, None)
        if is_held:
            self._held[socket] = []

    def _tell_late(self, at: int) -> Taken:
        late, self._late = self._late, []
        return Taken(ts_init=at, events=late, is_frame=False)

    def _set_up(self, at: int, symbols: tuple[str, ...]) -> Up:
        self._up.update(symbols)
        return Up(ts_init=at, symbols=symbols)

    def _set_down(self, at: int, symbols: tuple[str, ...], reason: str) -> Iterator[Step]:
        self._up.difference_update(symbols)
        if not self._has_opens:
            # Nobody told which connection was lost: what comes next is of a new one.
            self._parsers.clear()
        if symbols:
            yield Down(ts_init=at, symbols=symbols, reason=reason)

    def _lose(self, at: int, reason: str) -> Iterator[Step]:
        symbols = tuple(sorted(self._up))
        yield Note(ts_init=at, text=reason)
        if symbols:
            self._parsers.clear()
            yield Down(ts_init=at, symbols=symbols, reason=reason)
            yield Up(ts_init=at, symbols=symbols)


def _listings(mark: Mark, path: Path) -> dict[str, Listing]:
    return {item.symbol: item for item in _decode(mark, list[Listing], path)}


def _decode(mark: Mark, kind: type[T], path: Path) -> T:
    try:
        return msgspec.json.decode(mark.payload, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MalformedCapture(f"{path}: the {mark.kind} mark at {mark.ts_init} cannot be read: {error}.") from error
