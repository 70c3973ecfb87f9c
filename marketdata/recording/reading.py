"""Reads recordings: one file, or a folder of them in order."""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from marketdata.recording.lines import Begin, Frame, MalformedLine, Mark, MarkKind, Record, read_line
from marketdata.recording.manifest import recorded_files

# Of nanoseconds since the epoch, for the next three centuries.
_MAX_DIGITS = 19


class MalformedCapture(ValueError):
    """A line of a capture that cannot be read."""


class CaptureCut(EOFError):
    """The file ends in the middle: everything before was given."""

    def __init__(self, path: Path, frame: int) -> None:
        super().__init__(
            f"{path} is cut after frame {frame}: what came before was used. Copy the file again, unless its recorder was "
            "killed."
        )
        self.frame = frame


def read_capture(path: Path) -> Iterator[Frame]:
    """Read the frames of a file in order, counted from 1.

    Raises FileNotFoundError, MalformedCapture naming the line, and CaptureCut after the last whole frame of a file
    that ends too early.
    """
    for record in read_records(path):
        if isinstance(record, Frame):
            yield record


def read_records(path: Path) -> Iterator[Record]:
    """Read frames and marks of a file in order. Raises as `read_capture`."""
    number = frames = 0
    main_socket = ""
    try:
        with gzip.open(path, "rb") as lines:
            for line in lines:
                number += 1
                if not line.endswith(b"\n"):
                    # Only the end of a gzip stream tells whether a last line without a newline is whole.
                    next(lines, None)
                stamp, _, rest = line.rstrip(b"\r\n").partition(b" ")
                if not stamp.isdigit() or len(stamp) > _MAX_DIGITS or not rest:
                    raise MalformedCapture(
                        f"{path}, line {number}: expected '<receive ns> <frame>', found {line[:80]!r}."
                    )
                try:
                    record = read_line(rest, ts_init=int(stamp), number=frames + 1, main_socket=main_socket)
                except MalformedLine as error:
                    raise MalformedCapture(f"{path}, line {number}: {error}.") from error
                if type(record) is Frame:
                    frames += 1
                elif isinstance(record, Mark) and record.kind is MarkKind.BEGIN:
                    main_socket = begin_of(record, path).main
                elif isinstance(record, Mark) and record.kind is MarkKind.MAIN:
                    main_socket = str(record.about)
                yield record
    except (EOFError, zlib.error) as error:
        raise CaptureCut(path, frames) from error
    except gzip.BadGzipFile as error:
        what = f"is damaged after line {number}" if number else "is not a gzip file"
        raise MalformedCapture(f"{path} {what}: {error}.") from error


def begin_of(mark: Mark, path: Path) -> Begin:
    """The head of a file. Raises MalformedCapture."""
    try:
        return msgspec.convert(mark.about, Begin)
    except msgspec.ValidationError as error:
        raise MalformedCapture(f"{path}, line 1: {error}.") from error


def read_session(path: Path) -> Iterator[Record]:
    """Read a file, or all files of a folder in the order of their recording.

    A file that is cut in the middle of a folder (a process died) leaves a NOTE mark in its place. Raises
    FileNotFoundError, MalformedCapture, and CaptureCut at the end when the last file is cut.
    """
    if not path.is_dir():
        yield from read_records(path)
        return
    files = recorded_files(path)
    if not files:
        raise FileNotFoundError(f"{path} holds no recording (*.gz): a recorder writes into a folder an exchange.")
    newest_ns = 0
    for place, file in enumerate(files):
        try:
            for record in read_records(file):
                newest_ns = record.ts_init
                yield record
        except CaptureCut as error:
            if place == len(files) - 1:
                raise
            yield Mark(kind=MarkKind.NOTE, ts_init=newest_ns, about=str(error))
