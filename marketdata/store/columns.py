"""Records as columns and back, bit for bit."""

import types
from collections.abc import Sequence
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import pyarrow as pa
from msgspec import Struct

from marketdata.events import Level

# Orders rows of the same time as they were written.
ORDER = "write_order"
_SCALARS: dict[Any, Any] = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
_LEVELS = tuple[Level, ...]
_SIDES = ("prices", "sizes")


@cache
def schema_of(record: type[Struct]) -> Any:
    """The columns of a record: its fields, lists of prices and of sizes for levels, and the order of writing.

    Raises TypeError for a field that has no column type.
    """
    hints = get_type_hints(record)
    columns = []
    for name in record.__struct_fields__:
        if hints[name] == _LEVELS:
            columns += [pa.field(f"{name}_{side}", pa.list_(pa.float64()), nullable=False) for side in _SIDES]
        else:
            kind, is_optional = _scalar(hints[name], f"{record.__name__}.{name}")
            columns.append(pa.field(name, kind, nullable=is_optional))
    return pa.schema([*columns, pa.field(ORDER, pa.int64(), nullable=False)])


@cache
def _plan(record: type[Struct]) -> tuple[tuple[str, bool], ...]:
    """(field, whether it is levels)."""
    hints = get_type_hints(record)
    return tuple((name, hints[name] == _LEVELS) for name in record.__struct_fields__)


def _scalar(hint: Any, name: str) -> tuple[Any, bool]:
    if get_origin(hint) in (Union, types.UnionType):
        inner = [kind for kind in get_args(hint) if kind is not type(None)]
        if len(inner) == 1:
            return _scalar(inner[0], name)[0], True
    if get_origin(hint) is Literal:
        return pa.string(), False
    if hint not in _SCALARS:
        raise TypeError(f"{name} is a {hint}, for which there is no column type.")
    return _SCALARS[hint], False


def to_table(record: type[Struct], rows: Sequence[tuple[int, Struct]]) -> Any:
    """Columns of (write order, record) pairs. Raises pyarrow.ArrowInvalid and OverflowError for what does not fit."""
    schema = schema_of(record)
    columns: list[Any] = []
    for name, is_levels in _plan(record):
        values = [getattr(row, name) for _, row in rows]
        if is_levels:
            columns += [[[level[side] for level in levels] for levels in values] for side in (0, 1)]
        else:
            columns.append(values)
    columns.append([order for order, _ in rows])
    arrays = [pa.array(column, type=field.type) for column, field in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)


def to_records(record: type[Struct], table: Any) -> list[tuple[int, Any]]:
    """(write order, record) pairs of a table or a batch of rows."""
    names = record.__struct_fields__
    columns: list[Sequence[Any]] = []
    for name, is_levels in _plan(record):
        if is_levels:
            prices, sizes = (table.column(f"{name}_{side}").to_pylist() for side in _SIDES)
            columns.append([tuple(zip(p, s, strict=True)) for p, s in zip(prices, sizes, strict=True)])
        else:
            columns.append(table.column(name).to_pylist())
    orders = table.column(ORDER).to_pylist()
    rows = zip(*columns, strict=True)
    return [(order, record(**dict(zip(names, row, strict=True)))) for order, row in zip(orders, rows, strict=True)]
