"""Records what comes over a venue's sockets, without holding up who reads them.

`frame` and the others only note; a thread formats, compresses and writes. Once a second all of it is with the
operating system, so that even SIGKILL costs no more than the last second. A loss of power may cost more.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from marketdata.events import Bar, TradeTick
from marketdata.exchanges.adapter import BookImage, Listing
from marketdata.recording.lines import MarkKind, frame_line, mark_line, socket_name
from marketdata.recording.session import SessionWriter

# What waits for a disk that does not keep up, in bytes of frames; beyond it lines are counted as lost.
_MAX_WAITING = 256 << 20
_WAKE_AT = 4 << 20
# Few, so that the thread lets go of the interpreter often.
_LINES_PER_CHUNK = 256
_BOOKS_EVERY_NS = 10_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Marked:
    """A finished line that is no frame. `symbols` are those of a kind that changes what is up."""

    line: bytes
    kind: MarkKind
    ts_init: int
    symbols: tuple[str, ...] = ()


# (frame, receive ns, socket), or a mark.
_Noted = tuple[bytes, int, str] | _Marked


class FrameRecorder:
    """Records one venue into one folder. `frame` may be a Hearer's. Nothing here raises or blocks but `close`.

    on_problem(text) is called from the thread: once when writing begins to fail, once when it goes on.
    """

    def __init__(
        self,
        folder: Path,
        *,
        exchange: str,
        adapter_name: str,
        clock_ns: Callable[[], int],
        on_problem: Callable[[str], None],
        rotate_bytes: int = 256 << 20,
        rotate_s: float = 3600,
        flush_s: float = 1.0,
    ) -> None:
        self._noted: deque[_Noted] = deque()
        # Each is counted by one thread only.
        self._bytes_in = self._bytes_out = 0
        self._lost_in = self._lost_told = 0
        self._books_due_ns = 0
        self._flush_s = flush_s
        self._wake = threading.Event()
        self._stopping = False
        self._session = SessionWriter(
            folder,
            exchange=exchange,
            adapter_name=adapter_name,
            clock_ns=clock_ns,
            on_problem=on_problem,
            rotate_bytes=rotate_bytes,
            rotate_s=rotate_s,
        )
        self._names: dict[str, bytes] = {}
        self._thread = threading.Thread(target=self._run, name=f"recorder-{exchange}", daemon=True)
        self._thread.start()

    def frame(self, payload: bytes, ts_init: int, socket: str) -> None:
        """Note a frame as it came."""
        self._noted.append((payload, ts_init, socket))
        self._bytes_in += len(payload)
        waiting = self._bytes_in - self._bytes_out
        if waiting > _WAKE_AT:
            self._relieve(waiting)

    def opened(self, socket: str, ts_init: int, *, held: bool = False) -> None:
        """A connection was made, with a new parser. `held`: what it brings is kept back until its handover."""
        self._note(MarkKind.OPEN, mark_line(MarkKind.OPEN, socket, ts_init, held=held), ts_init)

    def mark(self, kind: MarkKind, symbols: Iterable[str], *, ts_init: int, text: str = "", socket: str = "") -> None:
        """Note SUBSCRIBED, UP, DOWN (`text` tells why) or HANDOVER (`socket` takes over)."""
        names = tuple(symbols)
        self._note(kind, mark_line(kind, names, ts_init, text=text, socket=socket), ts_init, names)

    def wants_books(self, now_ns: int) -> bool:
        """Whether the present order books are to be noted: a new file began, or something was lost. Once each time."""
        if now_ns < self._books_due_ns or not self._session.are_books_missing():
            return False
        # A disk that does not keep up loses lines all the time.
        self._books_due_ns = now_ns + _BOOKS_EVERY_NS
        return True

    def book_image(self, image: BookImage) -> None:
        """Note an order book: fetched by REST, or as it is now."""
        line = mark_line(MarkKind.BOOK, image.symbol, image.ts_init, payload=msgspec.json.encode(image))
        self._note(MarkKind.BOOK, line, image.ts_init)

    def history(self, symbol: str, bars: Sequence[Bar], trades: Sequence[TradeTick], ts_init: int) -> None:
        """Note minutes and prints that REST gave to the stream's bars."""
        payload = msgspec.json.encode({"bars": bars, "trades": trades})
        self._note(MarkKind.HISTORY, mark_line(MarkKind.HISTORY, symbol, ts_init, payload=payload), ts_init)

    def listings(self, listings: Iterable[Listing], ts_init: int) -> None:
        """Note the rules that parsers go by. They stand at the beginning of every file."""
        rows = list(listings)
        line = mark_line(MarkKind.LISTINGS, len(rows), ts_init, payload=msgspec.json.encode(rows))
        self._note(MarkKind.LISTINGS, line, ts_init)

    def close(self) -> None:
        """Write what waits, end the file and the manifest. Blocks for as long as the disk takes."""
        self._stopping = True
        self._wake.set()
        self._thread.join()

    def _note(self, kind: MarkKind, line: bytes, ts_init: int, symbols: tuple[str, ...] = ()) -> None:
        self._noted.append(_Marked(line=line, kind=kind, ts_init=ts_init, symbols=symbols))
        self._bytes_in += len(line)

    def _relieve(self, waiting: int) -> None:
        if waiting > _MAX_WAITING:
            self._bytes_in -= _size(self._noted.pop())
            self._lost_in += 1
        self._wake.set()

    def _run(self) -> None:
        while not self._stopping:
            self._wake.wait(self._flush_s)
            self._wake.clear()
            self._write_noted()
        self._write_noted()
        self._session.close()

    def _write_noted(self) -> None:
        session, noted = self._session, self._noted
        lost = self._lost_in
        if lost > self._lost_told:
            session.lose(lost - self._lost_told)
            self._lost_told = lost
        if noted:
            session.open_when_due(_time(noted[0]))
        # What comes meanwhile is for the next time, or there would never be a flush.
        waiting = len(noted)
        for begin in range(0, waiting, _LINES_PER_CHUNK):
            self._write_chunk([noted.popleft() for _ in range(min(waiting - begin, _LINES_PER_CHUNK))])
        session.flush()

    def _write_chunk(self, chunk: Sequence[_Noted]) -> None:
        session, frames, lines = self._session, 0, []
        for item in chunk:
            self._bytes_out += _size(item)
            if isinstance(item, _Marked):
                lines.append(item.line)
                session.saw(item.kind, item.symbols, item.line)
                continue
            frames += 1
            payload, ts_init, socket = item
            if session.main_socket is None:
                lines.append(session.name_main_socket(socket, ts_init))
            lines.append(frame_line(payload, ts_init, b"" if socket == session.main_socket else self._name(socket)))
        session.write(
            b"".join(lines), lines=len(chunk), frames=frames, start_ns=_time(chunk[0]), end_ns=_time(chunk[-1])
        )

    def _name(self, socket: str) -> bytes:
        name = self._names.get(socket)
        if name is None:
            name = self._names[socket] = socket_name(socket)
        return name


def _size(item: _Noted) -> int:
    return len(item.line) if isinstance(item, _Marked) else len(item[0])


def _time(item: _Noted) -> int:
    return item.ts_init if isinstance(item, _Marked) else item[1]
