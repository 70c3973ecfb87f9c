"""Appends events to the store without holding up who has them."""

import os
import threading
from collections import deque
from collections.abc import Callable, Collection, Iterable
from datetime import date
from itertools import count
from pathlib import Path
from typing import Any

import pyarrow as pa

from marketdata.events import Bar, BookSnapshot, Event
from marketdata.store.compaction import compact_before
from marketdata.store.layout import KIND_OF, KINDS, day_folder, day_of, time_of
from marketdata.store.parts import DamagedPart, write_part

_WAKE_S = 0.5
# exchange, symbol, kind, day
Place = tuple[str, str, str, date]


class EventStore:
    """Writes quotes, trades, books, closed bars and slow observations as Parquet; anything else is left out.

    `append` only notes; a thread writes what has gathered once there are `flush_rows` rows or `flush_s` seconds have
    gone by, and makes one file of each day that is over. Until it is written it is in memory only: what must survive a
    kill is the recording of raw frames. Books are kept at most every `book_every_ms` (at least 100) by symbol, the top
    `levels` of them. What cannot be written is told to on_problem(text), from the thread, kept for another try, and
    dropped beyond `max_rows`.
    """

    def __init__(
        self,
        root: Path,
        *,
        clock_ns: Callable[[], int],
        on_problem: Callable[[str], None],
        flush_rows: int = 50_000,
        flush_s: float = 60.0,
        book_every_ms: int = 100,
        levels: int = 20,
        max_rows: int = 1_000_000,
    ) -> None:
        if book_every_ms < 100:
            raise ValueError(f"Books are kept every 100 ms at most, not every {book_every_ms} ms.")
        self._root = root
        self._clock_ns = clock_ns
        self._on_problem = on_problem
        self._flush_rows = flush_rows
        self._flush_ns = int(flush_s * 1e9)
        self._book_every_ns = book_every_ms * 1_000_000
        self._levels = levels
        self._max_rows = max_rows
        self._noted: deque[tuple[int, Event]] = deque()
        # Grows over restarts, as long as fewer than one event a nanosecond is written.
        self._orders = count(clock_ns())
        self._names = count(1)
        self._books: dict[tuple[str, str], int] = {}
        self._in_trouble = False
        self._lost = 0
        self._flushed_ns = clock_ns()
        self._flushing = threading.Lock()
        self._compacted: dict[tuple[str, str, str], date] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="event-store", daemon=True)
        self._thread.start()

    def append(self, events: Iterable[Event]) -> None:
        """Note what is of a stored kind."""
        for event in events:
            if self._is_stored(event):
                if len(self._noted) >= self._max_rows:
                    self._lost += 1
                else:
                    self._noted.append((next(self._orders), event))

    def flush(self) -> Collection[Place]:
        """Write what has been noted, now; gives where to. Blocks; nothing is raised."""
        with self._flushing:
            self._flushed_ns = self._clock_ns()
            noted = [self._noted.popleft() for _ in range(len(self._noted))]
            if self._lost:
                lost, self._lost = self._lost, 0
                self._on_problem(f"{lost} events were not stored: the disk at {self._root} does not keep up.")
            places = _by_place(noted)
            for place, rows in places.items():
                self._write(place, rows)
        return places.keys()

    def close(self) -> None:
        """Write the rest and end the thread."""
        self._stop.set()
        self._thread.join()
        self.flush()

    def _run(self) -> None:
        while not self._stop.wait(_WAKE_S):
            is_due = self._clock_ns() - self._flushed_ns >= self._flush_ns
            if len(self._noted) >= self._flush_rows or (is_due and self._noted):
                for place in self.flush():
                    self._compact(*place[:3])

    def _compact(self, exchange: str, symbol: str, kind: str) -> None:
        """Make one file of each day that is over, once a day."""
        today = day_of(self._clock_ns())
        if self._compacted.get((exchange, symbol, kind)) == today:
            return
        self._compacted[exchange, symbol, kind] = today
        try:
            compact_before(self._root, exchange, symbol, today, kinds=[kind])
        except (OSError, DamagedPart) as error:
            self._on_problem(f"The days before of {exchange} {symbol} {kind} were not compacted: {error}")

    def _is_stored(self, event: Event) -> bool:
        if isinstance(event, BookSnapshot):
            return self._is_due(event)
        return type(event) in KIND_OF and not (isinstance(event, Bar) and not event.closed)

    def _is_due(self, book: BookSnapshot) -> bool:
        """Whether enough time has gone by since the symbol's last book; also when its time jumped back."""
        key = book.exchange, book.symbol
        since_ns = book.ts_init - self._books.get(key, book.ts_init - self._book_every_ns)
        if 0 <= since_ns < self._book_every_ns:
            return False
        self._books[key] = book.ts_init
        return True

    def _write(self, place: Place, rows: list[tuple[int, Any]]) -> None:
        exchange, symbol, kind, day = place
        if kind == "book":
            rows = [(order, _cut(book, self._levels)) for order, book in rows]
        folder = day_folder(self._root, exchange, symbol, kind, day)
        name = f"part-{rows[0][0]:020d}-{os.getpid()}-{next(self._names)}.parquet"
        try:
            write_part(folder, name, KINDS[kind], rows)
        except OSError as error:
            self._keep(rows, f"{len(rows)} rows cannot be written into {folder}: {error.strerror or error}.")
        except (pa.ArrowException, OverflowError, TypeError) as error:
            if len(rows) > 1:
                # One of them has no place in its column: the others have.
                for row in rows:
                    self._write(place, [row])
            else:
                self._on_problem(f"Not stored, for a value has no place in its column ({error}): {rows[0][1]!r}"[:500])
        else:
            self._in_trouble = False

    def _keep(self, rows: list[tuple[int, Any]], problem: str) -> None:
        """For another try; beyond the bound they go."""
        is_kept = len(self._noted) + len(rows) <= self._max_rows
        if is_kept:
            self._noted.extendleft(reversed(rows))
        if not self._in_trouble or not is_kept:
            self._on_problem(problem + (" They are kept for another try." if is_kept else " They are lost."))
        self._in_trouble = True


def _by_place(noted: list[tuple[int, Event]]) -> dict[Place, list[tuple[int, Any]]]:
    places: dict[Place, list[tuple[int, Any]]] = {}
    for order, event in noted:
        place = event.exchange, event.symbol, KIND_OF[type(event)], day_of(time_of(event))
        places.setdefault(place, []).append((order, event))
    return places


def _cut(book: BookSnapshot, levels: int) -> BookSnapshot:
    if len(book.bids) <= levels and len(book.asks) <= levels:
        return book
    return BookSnapshot(
        exchange=book.exchange,
        symbol=book.symbol,
        bids=book.bids[:levels],
        asks=book.asks[:levels],
        update_id=book.update_id,
        ts_event=book.ts_event,
        ts_init=book.ts_init,
    )
