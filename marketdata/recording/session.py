"""The files of one recording session: opened, rotated, listed, and given up when the disk refuses."""

import fcntl
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import IO

import msgspec

from marketdata.recording.capture_file import CaptureFile
from marketdata.recording.lines import Begin, MarkKind, mark_line
from marketdata.recording.manifest import Manifest, RecordedFile, load_manifest, repair, save_manifest

_RETRY_NS = 10_000_000_000
_MAX_SAME_SECOND = 1_000


class SessionWriter:
    """Used by one thread. Nothing here raises: trouble is told once, and what cannot be written is counted."""

    def __init__(
        self,
        folder: Path,
        *,
        exchange: str,
        adapter_name: str,
        clock_ns: Callable[[], int],
        on_problem: Callable[[str], None],
        rotate_bytes: int,
        rotate_s: float,
    ) -> None:
        self.main_socket: str | None = None
        self._folder = folder
        self._clock_ns = clock_ns
        self._on_problem = on_problem
        self._rotate_bytes = rotate_bytes
        self._rotate_ns = int(rotate_s * 1e9)
        self._manifest = Manifest(exchange=exchange, adapter=adapter_name, software=_software())
        self._lock: IO[bytes] | None = None
        self._file: CaptureFile | None = None
        self._entry = RecordedFile(name="")
        # What was appended since the last flush.
        self._unflushed = RecordedFile(name="")
        self._unflushed_lines = 0
        self._opened_ns = 0
        self._retry_ns = 0
        self._in_trouble = False
        self._lost = 0
        self._up: set[str] = set()
        self._listings_line = b""
        # What a file begins in the midst of, or goes on from after a loss, tells no order books.
        self._books_missing = False

    def saw(self, kind: MarkKind, symbols: Sequence[str], line: bytes) -> None:
        """Remember what the next file has to begin with."""
        if kind is MarkKind.UP:
            self._up.update(symbols)
        elif kind is MarkKind.DOWN:
            self._up.difference_update(symbols)
        elif kind is MarkKind.LISTINGS:
            self._listings_line = line
        self._manifest.add_symbols(symbols)

    def are_books_missing(self) -> bool:
        """Whether a replay would know no order books from here on. After a yes they are taken for told."""
        if not self._books_missing:
            return False
        self._books_missing = False
        return True

    def name_main_socket(self, socket: str, ts_init: int) -> bytes:
        """The line that says so."""
        self.main_socket = socket
        return mark_line(MarkKind.MAIN, socket, ts_init)

    def lose(self, lines: int) -> None:
        """So many lines were not written."""
        self._manifest.lost += lines
        if self._file is None:
            self._lost += lines
        else:
            self._file.append(mark_line(MarkKind.LOST, lines, self._clock_ns()))
            self._unflushed_lines += 1
            self._books_missing = bool(self._up)

    def open_when_due(self, first_ns: int) -> None:
        """Open the first file, the next one, or another try after trouble. `first_ns`: of the line to come."""
        now_ns = self._clock_ns()
        if self._file is not None:
            if self._file.bytes < self._rotate_bytes and now_ns - self._opened_ns < self._rotate_ns:
                return
            follows = self._entry.name if self._end_file() else ""
        elif now_ns < self._retry_ns:
            return
        else:
            follows = ""
        try:
            self._prepare()
            self._open(now_ns, follows, first_ns=min(first_ns, now_ns))
        except OSError as error:
            self._trouble(now_ns, error)

    def write(self, text: bytes, *, lines: int, frames: int, start_ns: int, end_ns: int) -> None:
        if self._file is None:
            self.lose(lines)
            return
        self._file.append(text)
        self._unflushed_lines += lines
        self._unflushed.frames += frames
        self._unflushed.end_ns = max(self._unflushed.end_ns, end_ns)
        if not self._entry.start_ns:
            self._entry.start_ns = start_ns

    def flush(self) -> None:
        """Hand what was written to the operating system, and list it."""
        if self._file is None or not self._unflushed_lines:
            return
        try:
            self._file.flush()
            self._account()
            save_manifest(self._folder, self._manifest)
        except OSError as error:
            self._trouble(self._clock_ns(), error)

    def close(self) -> None:
        if self._file is not None:
            self._end_file()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _prepare(self) -> None:
        """Take the folder for ourselves, and look after what a dead process left. Once."""
        if self._lock is not None:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        lock = (self._folder / ".lock").open("ab")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.close()
            raise OSError(error.errno, "another process records into this folder") from error
        self._lock = lock
        before = load_manifest(self._folder)
        if before is not None:
            self._manifest.files = before.files
            self._manifest.lost += before.lost
            self._manifest.add_symbols(before.symbols)
        repair(self._folder, self._manifest)

    def _open(self, now_ns: int, follows: str, *, first_ns: int) -> None:
        self._file, name = self._create(now_ns)
        self._opened_ns = now_ns
        self._entry = RecordedFile(name=name)
        self._manifest.files.append(self._entry)
        begin = Begin(
            exchange=self._manifest.exchange,
            adapter=self._manifest.adapter,
            software=self._manifest.software,
            follows=follows,
            up=tuple(sorted(self._up)),
            main=self.main_socket or "",
        )
        head = mark_line(MarkKind.BEGIN, msgspec.to_builtins(begin), first_ns) + self._listings_line
        if self._lost:
            head += mark_line(MarkKind.LOST, self._lost, first_ns)
        self._file.append(head)
        self._file.flush()
        self._books_missing = bool(self._up)
        self._entry.start_ns = self._entry.end_ns = first_ns
        self._entry.bytes = self._file.bytes
        save_manifest(self._folder, self._manifest)
        if self._in_trouble:
            self._in_trouble = False
            self._on_problem(f"Recording goes on in {self._file.path}; {self._lost} lines are missing.")
        self._lost = 0

    def _create(self, now_ns: int) -> tuple[CaptureFile, str]:
        stamp = datetime.fromtimestamp(now_ns / 1e9, tz=UTC).strftime("%Y%m%dT%H%M%SZ")
        for number in range(_MAX_SAME_SECOND):
            name = f"{self._manifest.exchange}-{stamp}-{number:03d}.gz"
            try:
                return CaptureFile(self._folder / name), name
            except FileExistsError:
                continue
        raise OSError(f"{_MAX_SAME_SECOND} recordings of one second are in the way")

    def _end_file(self) -> bool:
        """Close the file properly. False when the disk refused."""
        assert self._file is not None
        try:
            self._entry.sha256 = self._file.close()
            self._entry.closed = True
            self._account()
            self._file = None
            save_manifest(self._folder, self._manifest)
        except OSError as error:
            self._trouble(self._clock_ns(), error)
            return False
        return True

    def _account(self) -> None:
        entry, unflushed = self._entry, self._unflushed
        entry.frames += unflushed.frames
        entry.end_ns = max(entry.end_ns, unflushed.end_ns)
        if self._file is not None:
            entry.bytes = self._file.bytes
        self._unflushed, self._unflushed_lines = RecordedFile(name=""), 0

    def _trouble(self, now_ns: int, error: OSError) -> None:
        """Give the file up, keep what it has, and try another one later."""
        self._retry_ns = now_ns + _RETRY_NS
        if self._file is not None:
            self._entry.sha256 = self._file.abandon()
            self._entry.bytes = self._file.bytes
            self._entry.closed = self._entry.cut = True
            self._file = None
            self.lose(self._unflushed_lines)
            self._unflushed, self._unflushed_lines = RecordedFile(name=""), 0
        if not self._in_trouble:
            self._in_trouble = True
            what = error.strerror or str(error)
            self._on_problem(
                f"Recording into {self._folder} failed: {what}. The feed goes on without it; free space or permissions "
                f"and it goes on by itself within {_RETRY_NS / 1e9:.0f} s."
            )


def _software() -> str:
    try:
        return f"tradingsite {version('tradingsite')}"
    except PackageNotFoundError:
        return "tradingsite 0.1.0"
