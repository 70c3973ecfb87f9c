"""The files of a day: written whole or not at all, and read in order without holding a day in memory."""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from heapq import merge
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from msgspec import Struct

from marketdata.store.columns import schema_of, to_records, to_table
from marketdata.store.layout import time_of

ROWS_PER_GROUP = 50_000
_META = b"tradingsite"
# A day is compacted once: more than this is something else.
_TRIES = 100
# (time, write order): by this all rows are sorted.
Key = tuple[int, int]
Row = tuple[Key, Any]


class DamagedPart(ValueError):
    """A file that cannot be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """An open file; first and last key of its rows. `replaces` names the files that it was made of."""

    path: Path
    file: Any
    first: Key
    last: Key
    replaces: frozenset[str]

    @property
    def rows(self) -> int:
        return int(self.file.metadata.num_rows)

    def read(self, record: type[Struct]) -> Iterator[Row]:
        """The rows, in order, a group at a time. Raises DamagedPart."""
        try:
            for batch in self.file.iter_batches(batch_size=ROWS_PER_GROUP):
                for order, event in to_records(record, batch):
                    yield (time_of(event), order), event
        except (pa.ArrowException, OSError) as error:
            raise DamagedPart(
                f"{self.path} cannot be read: {error}. Remove it and record or fetch it again."
            ) from error


def write_part(
    folder: Path, name: str, record: type[Struct], rows: Sequence[tuple[int, Any]], *, replaces: Sequence[str] = ()
) -> Path:
    """Write (write order, record) pairs as one file, which appears when it is whole.

    Raises OSError, and pyarrow.ArrowInvalid or OverflowError for values that have no place in their column.
    """
    ordered = sorted(rows, key=lambda row: (time_of(row[1]), row[0]))
    first, last = ((time_of(event), order) for order, event in (ordered[0], ordered[-1]))
    table = to_table(record, ordered).replace_schema_metadata(metadata_of(first, last, replaces=replaces))
    with whole_or_not_at_all(folder, name) as temporary:
        pq.write_table(table, temporary, compression="zstd", row_group_size=ROWS_PER_GROUP)
    return folder / name


def metadata_of(first: Key, last: Key, *, replaces: Sequence[str]) -> dict[bytes, bytes]:
    return {_META: json.dumps({"first": first, "last": last, "replaces": sorted(replaces)}).encode()}


@contextmanager
def whole_or_not_at_all(folder: Path, name: str) -> Iterator[Path]:
    """Gives where to write; the file gets its name when that went well. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    # Readers look for part-*.parquet.
    temporary = folder / f".{name}.{os.getpid()}"
    try:
        yield temporary
        temporary.replace(folder / name)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


def open_parts(folder: Path, record: type[Struct]) -> list[Part]:
    """The files of a day that count, open, so that one which is compacted away meanwhile can still be read.

    Raises DamagedPart.
    """
    for _ in range(_TRIES):
        parts: list[Part] = []
        try:
            for path in sorted(folder.glob("part-*.parquet")):
                parts.append(_open(path, record))
        except FileNotFoundError:
            # Compacted away since the folder was listed: look again, for what replaces it may be new.
            _close(parts)
            continue
        except DamagedPart:
            _close(parts)
            raise
        replaced = {name for part in parts for name in part.replaces}
        _close([part for part in parts if part.path.name in replaced])
        return [part for part in parts if part.path.name not in replaced]
    raise DamagedPart(f"{folder} lists files that cannot be opened.")


def _close(parts: Sequence[Part]) -> None:
    for part in parts:
        part.file.close()


def _open(path: Path, record: type[Struct]) -> Part:
    try:
        file = pq.ParquetFile(path)
        about = json.loads(file.schema_arrow.metadata[_META])
        first, last = about["first"], about["last"]
    except FileNotFoundError:
        raise
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError) as error:
        raise DamagedPart(f"{path} cannot be read: {error}. Remove it and record or fetch it again.") from error
    if not file.schema_arrow.equals(schema_of(record)):
        raise DamagedPart(f"{path} has other columns than {record.__name__}: it is of another version.")
    return Part(
        path=path,
        file=file,
        first=(first[0], first[1]),
        last=(last[0], last[1]),
        replaces=frozenset(about["replaces"]),
    )


def read_in_order(parts: Sequence[Part], record: type[Struct]) -> Iterator[Row]:
    """All rows by their keys. Raises DamagedPart."""
    rows = [_read_chain(chain, record) for chain in chains_of(parts)]
    return rows[0] if len(rows) == 1 else merge(*rows, key=lambda row: row[0])


def chains_of(parts: Sequence[Part]) -> list[list[Part]]:
    """Files that follow each other in time can be read one after the other; those that overlap cannot."""
    chains: list[list[Part]] = []
    for part in sorted(parts, key=lambda part: part.first):
        chain = next((chain for chain in chains if chain[-1].last < part.first), None)
        if chain is None:
            chains.append([part])
        else:
            chain.append(part)
    return chains


def _read_chain(parts: Sequence[Part], record: type[Struct]) -> Iterator[Row]:
    for part in parts:
        with part.file:
            yield from part.read(record)
