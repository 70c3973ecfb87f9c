"""Rows as CSV that a spreadsheet cannot mistake for formulas."""

import csv
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

# What spreadsheets take for the beginning of a formula, also behind a tab or a line's end.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\0")


class _Echo:
    def write(self, text: str) -> str:
        return text


def safe_cell(value: Any) -> Any:
    """Numbers in plain digits; text that could be a formula behind an apostrophe, NUL left out."""
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if not isinstance(value, str):
        return value
    if value.startswith(FORMULA_STARTS):
        value = "'" + value
    return value.replace("\0", "")


def csv_lines(header: Iterable[str], rows: Iterable[Iterable[Any]]) -> Iterator[str]:
    """Lines of a CSV file, made while they are read."""
    writer = csv.writer(_Echo())
    yield writer.writerow(header)
    for row in rows:
        yield writer.writerow([safe_cell(cell) for cell in row])
