"""Makes one file of a past day's many."""

from datetime import date
from pathlib import Path

from marketdata.store.layout import KINDS, check_kinds, day_folder, symbol_folder
from marketdata.store.parts import Part, open_parts, read_in_order, write_part


def compact_day(root: Path, exchange: str, symbol: str, kind: str, day: date) -> int:
    """Make one file of all of a day, with the same rows in the same order. Gives how many files it replaced.

    For a day to which nothing is written any more. Whoever reads meanwhile gets every row once; a compaction that was
    killed is repeated without harm. Holds the day in memory. Raises UnknownKind, DamagedPart and OSError.
    """
    check_kinds([kind])
    folder = day_folder(root, exchange, symbol, kind, day)
    record = KINDS[kind]
    parts = open_parts(folder, record)
    _remove_replaced(folder, parts)
    if len(parts) < 2:
        for part in parts:
            part.file.close()
        return 0
    names = [part.path.name for part in parts]
    rows = [(order, event) for (_, order), event in read_in_order(parts, record)]
    # Named after the first of them, so that files keep their order.
    write_part(folder, f"{names[0].removesuffix('.parquet')}-{len(names)}.parquet", record, rows, replaces=names)
    for name in names:
        (folder / name).unlink(missing_ok=True)
    return len(names)


def compact_before(root: Path, exchange: str, symbol: str, today: date) -> int:
    """Compact every day before `today`, of every kind. Gives how many files were replaced."""
    replaced = 0
    for kind in KINDS:
        for folder in sorted((symbol_folder(root, exchange, symbol) / kind).glob("????-??-??")):
            day = date.fromisoformat(folder.name)
            if day < today:
                replaced += compact_day(root, exchange, symbol, kind, day)
    return replaced


def _remove_replaced(folder: Path, parts: list[Part]) -> None:
    """What a killed compaction left."""
    for part in parts:
        for name in part.replaces:
            (folder / name).unlink(missing_ok=True)
