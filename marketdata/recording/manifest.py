"""The list of a folder's files: what each holds, whether it is whole, and its digest.

`manifest.json` is replaced as a whole (written beside it and renamed), so that who reads it never finds half of one.
"""

import hashlib
import os
import re
import zlib
from collections.abc import Iterable
from pathlib import Path

import msgspec

NAME = "manifest.json"
_CHUNK = 1 << 20
_STAMP = re.compile(rb"^(\d+) ", re.MULTILINE)
_MARK = re.compile(rb'^\d+ #\{"(?!socket"|b64")', re.MULTILINE)


class RecordedFile(msgspec.Struct, kw_only=True):
    """Times in ns as in the file; `bytes` compressed. `sha256` is empty while it is written.

    `cut`: the process died while it wrote; everything up to its last second is there.
    """

    name: str
    start_ns: int = 0
    end_ns: int = 0
    frames: int = 0
    bytes: int = 0
    sha256: str = ""
    closed: bool = False
    cut: bool = False


class Manifest(msgspec.Struct, kw_only=True):
    """Of one venue's recording. The sums are over `files`, which are in the order of their recording."""

    format: int = 1
    exchange: str
    adapter: str
    software: str
    symbols: list[str] = []
    start_ns: int = 0
    end_ns: int = 0
    frames: int = 0
    bytes: int = 0
    # Lines that could not be written.
    lost: int = 0
    cut: bool = False
    files: list[RecordedFile] = []

    def add_symbols(self, symbols: Iterable[str]) -> None:
        self.symbols = sorted({*self.symbols, *symbols})

    def sum_up(self) -> None:
        """Recompute what is said of all files together."""
        told = [file for file in self.files if file.start_ns]
        self.start_ns = min((file.start_ns for file in told), default=0)
        self.end_ns = max((file.end_ns for file in told), default=0)
        self.frames = sum(file.frames for file in self.files)
        self.bytes = sum(file.bytes for file in self.files)
        self.cut = any(file.cut for file in self.files)


def load_manifest(folder: Path) -> Manifest | None:
    """None where there is none, or none that can be read."""
    try:
        return msgspec.json.decode((folder / NAME).read_bytes(), type=Manifest)
    except (FileNotFoundError, msgspec.DecodeError, UnicodeDecodeError):
        return None


def save_manifest(folder: Path, manifest: Manifest) -> None:
    """Raises OSError."""
    manifest.sum_up()
    temporary = folder / f".{NAME}.{os.getpid()}"
    temporary.write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n")
    temporary.replace(folder / NAME)


def recorded_files(folder: Path) -> list[Path]:
    """All recordings of a folder, those of the manifest first, in its order. Raises FileNotFoundError."""
    if not folder.is_dir():
        raise FileNotFoundError(f"There is no folder {folder}.")
    manifest = load_manifest(folder)
    known = [file.name for file in manifest.files] if manifest else []
    found = {file.name for file in folder.glob("*.gz")}
    names = [name for name in known if name in found] + sorted(found - set(known))
    return [folder / name for name in names]


def repair(folder: Path, manifest: Manifest) -> None:
    """Look at files that nobody closed, for whoever wrote them is dead: count what they hold. Raises OSError."""
    on_disk = {file.name for file in folder.glob("*.gz")}
    manifest.files = [file for file in manifest.files if file.name in on_disk]
    listed = {file.name for file in manifest.files}
    manifest.files += [RecordedFile(name=name) for name in sorted(on_disk - listed)]
    for file in manifest.files:
        if not file.closed:
            examine(folder / file.name, file)


def examine(path: Path, file: RecordedFile) -> None:
    """Count and digest a file as it is."""
    digest = hashlib.sha256()
    decompress = zlib.decompressobj(31)
    file.frames, file.start_ns, file.end_ns, rest = 0, 0, 0, b""
    is_whole = True
    with path.open("rb") as source:
        while chunk := source.read(_CHUNK):
            digest.update(chunk)
            try:
                text = rest + decompress.decompress(chunk)
            except zlib.error:
                is_whole = False
                continue
            cut_at = text.rfind(b"\n") + 1
            rest = text[cut_at:]
            _count(text[:cut_at], file)
    file.bytes = path.stat().st_size
    file.sha256 = digest.hexdigest()
    file.cut = not (decompress.eof and is_whole)
    file.closed = True


def _count(lines: bytes, file: RecordedFile) -> None:
    if not lines:
        return
    file.frames += lines.count(b"\n") - len(_MARK.findall(lines))
    first = _STAMP.match(lines)
    if first and not file.start_ns:
        file.start_ns = int(first[1])
    last = _STAMP.match(lines, lines.rfind(b"\n", 0, len(lines) - 1) + 1)
    if last:
        file.end_ns = int(last[1])
