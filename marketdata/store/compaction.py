"""Makes one file of a past day's many."""

import fcntl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from msgspec import Struct

from marketdata.events import Bar
from marketdata.store.columns import ORDER
from marketdata.store.layout import KINDS, check_kinds, day_folder, symbol_folder
from marketdata.store.parts import ROWS_PER_GROUP, Part, chains_of, metadata_of, open_parts, whole_or_not_at_all


def compact_day(root: Path, exchange: str, symbol: str, kind: str, day: date) -> int:
    """Make one file of all of a day, with the same rows in the same order. Gives how many files it replaced.

    Whoever reads or appends meanwhile is not disturbed; a compaction that was killed is repeated without harm, and of
    two at a time one does nothing. A day is copied group by group; only where files overlap in time is it in memory.
    Raises UnknownKind, DamagedPart and OSError.
    """
    check_kinds([kind])
    folder = day_folder(root, exchange, symbol, kind, day)
    if not folder.is_dir():
        return 0
    with _alone(folder) as is_alone:
        return _compact(folder, KINDS[kind]) if is_alone else 0


def compact_before(root: Path, exchange: str, symbol: str, today: date, *, kinds: Sequence[str] = tuple(KINDS)) -> int:
    """Compact every day before `today`. Gives how many files were replaced. Raises as `compact_day`."""
    replaced = 0
    for kind in kinds:
        for folder in sorted((symbol_folder(root, exchange, symbol) / kind).glob("????-??-??")):
            day = date.fromisoformat(folder.name)
            if day < today:
                replaced += compact_day(root, exchange, symbol, kind, day)
    return replaced


def _compact(folder: Path, record: type[Struct]) -> int:
    parts = open_parts(folder, record)
    try:
        # What a killed compaction left.
        for part in parts:
            _remove(folder, sorted(part.replaces))
        if len(parts) < 2:
            return 0
        names = [part.path.name for part in parts]
        first, last = min(part.first for part in parts), max(part.last for part in parts)
        schema = parts[0].file.schema_arrow.with_metadata(metadata_of(first, last, replaces=names))
        name = f"{names[0].removesuffix('.parquet')}-{len(names)}.parquet"
        with (
            whole_or_not_at_all(folder, name) as temporary,
            pq.ParquetWriter(temporary, schema, compression="zstd") as writer,
        ):
            for batch in _in_order(parts, record):
                writer.write_batch(batch.replace_schema_metadata(schema.metadata))
    finally:
        for part in parts:
            part.file.close()
    _remove(folder, names)
    return len(names)


def _in_order(parts: Sequence[Part], record: type[Struct]) -> Iterator[pa.RecordBatch]:
    chains = chains_of(parts)
    if len(chains) == 1:
        for part in chains[0]:
            yield from part.file.iter_batches(batch_size=ROWS_PER_GROUP)
    else:
        time = "ts_close" if record is Bar else "ts_init"
        table = pa.concat_tables([part.file.read().replace_schema_metadata() for part in parts])
        yield from table.sort_by([(time, "ascending"), (ORDER, "ascending")]).to_batches(ROWS_PER_GROUP)


@contextmanager
def _alone(folder: Path) -> Iterator[bool]:
    """Whether nobody else compacts this folder."""
    with (folder / ".lock").open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def _remove(folder: Path, names: Sequence[str]) -> None:
    for name in names:
        (folder / name).unlink(missing_ok=True)
