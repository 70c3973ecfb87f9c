"""Recorded captures: a line is `<receive ns> <frame>`, combined-stream frames and REST depth snapshots, gzipped."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

import msgspec

# The largest snapshot is a few megabytes; a longer line is not a capture.
LONGEST_LINE = 64 << 20
CHUNK_BYTES = 1 << 16


class CaptureError(Exception):
    """The file is not a capture; the text says where and what to do."""


class Combined(msgspec.Struct):
    """A combined-stream frame."""

    stream: str
    data: msgspec.Raw


class Snapshot(msgspec.Struct, rename={"last_update_id": "lastUpdateId"}):
    """GET /api/v3/depth."""

    last_update_id: int
    bids: list[tuple[str, str]]
    asks: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Frame:
    """A recorded stream frame, byte for byte as it came."""

    receive_ns: int
    stream: str
    wrapped: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """A recording: stream frames in their order, the first snapshot, and where it was cut, if it was."""

    path: Path
    frames: list[Frame]
    snapshot: Snapshot | None
    cut_at_frame: int | None

    @property
    def streams(self) -> set[str]:
        return {frame.stream for frame in self.frames}


_COMBINED = msgspec.json.Decoder(Combined)
_SNAPSHOT = msgspec.json.Decoder(Snapshot)


def read_capture(path: Path) -> Capture:
    """Read a recording. A file cut in the middle gives what is there; anything else wrong raises CaptureError."""
    frames: list[Frame] = []
    snapshot = None
    lines = _Lines(path)
    for number, line in enumerate(lines, start=1):
        try:
            receive, _, text = line.partition(b" ")
            receive_ns = int(receive)
            if text.startswith(b'{"lastUpdateId"'):
                snapshot = snapshot or _SNAPSHOT.decode(text)
            else:
                frames.append(Frame(receive_ns, _COMBINED.decode(text).stream, text))
        except (ValueError, msgspec.MsgspecError) as error:
            if lines.is_cut_after(number):
                break
            shown = line[:60].decode("utf-8", "replace")
            raise CaptureError(
                f"{path}, line {number}: expected `<receive ns> <frame>` with a combined-stream frame or a depth "
                f"snapshot, found {shown!r} ({error}); repair or remove the line, or fetch the file again"
            ) from None
    if not frames:
        raise CaptureError(f"{path} holds no stream frame; choose a recorded capture with --replay")
    return Capture(path=path, frames=frames, snapshot=snapshot, cut_at_frame=len(frames) if lines.cut else None)


class _Lines:
    """The complete lines of a file; `cut` tells afterwards whether it ended in the middle."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.cut = False
        self._gzip_cut = False
        self._partial_line = 0

    def is_cut_after(self, number: int) -> bool:
        return self.cut and number == self._partial_line

    def __iter__(self) -> Iterator[bytes]:
        rest, number = b"", 0
        for chunk in self._chunks():
            *complete, rest = (rest + chunk).split(b"\n")
            for line in complete:
                number += 1
                yield line
            if len(rest) > LONGEST_LINE:
                raise CaptureError(f"{self._path}, line {number + 1}: longer than {LONGEST_LINE} bytes")
        if rest:
            # Without its line end the last line may be cut, or complete.
            self.cut, self._partial_line = True, number + 1
            yield rest
            self.cut = self._gzip_cut or not rest.endswith(b"}")

    def _chunks(self) -> Iterator[bytes]:
        try:
            raw = self._path.open("rb")
        except OSError as error:
            raise CaptureError(f"cannot read {self._path}: {error.strerror}; see --replay") from None
        with raw:
            zipped = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            yield from self._unzipped(raw) if zipped else iter(partial(raw.read, CHUNK_BYTES), b"")

    def _unzipped(self, raw: BinaryIO) -> Iterator[bytes]:
        """Everything up to the point where the gzip stream breaks off (`gzip` would drop the last block)."""
        inflate = zlib.decompressobj(wbits=31)
        while chunk := raw.read(CHUNK_BYTES):
            while chunk:
                try:
                    yield inflate.decompress(chunk)
                except zlib.error:
                    self.cut = self._gzip_cut = True
                    return
                chunk = inflate.unused_data
                if chunk:
                    inflate = zlib.decompressobj(wbits=31)
        self.cut = self._gzip_cut = not inflate.eof
