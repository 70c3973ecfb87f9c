"""A window of stored samples and bars, from the database into arrays."""

from typing import Any

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from quant.evidence.grid import Window
from quant.evidence.predictions import read_predictions
from quant.vector import Floats

MINUTE_NS = 60_000_000_000
DAY_NS = 86_400_000_000_000
PHASES = ("trend", "range", "neutral")
CALM, VOLATILE = ("low", "normal"), ("high", "extreme")

NAMES = """
SELECT DISTINCT names FROM quant_signalsample
WHERE exchange = %(exchange)s AND symbol = %(symbol)s AND ts_event >= %(start)s AND ts_event < %(end)s
"""
SAMPLES = """
COPY (
    SELECT (ts_event / 60000000000)::float8, coalesce(mid, 'NaN'), coalesce(combined, 'NaN'),
           coalesce(array_position(ARRAY['trend', 'range', 'neutral'], regime::text), 0)::float8,
           coalesce(array_position(ARRAY['low', 'normal', 'high', 'extreme'], volatility::text), 0)::float8{columns}
    FROM quant_signalsample
    WHERE exchange = %(exchange)s AND symbol = %(symbol)s AND ts_event >= %(start)s AND ts_event < %(end)s
) TO STDOUT (FORMAT BINARY)
"""
COLUMN = """,
           coalesce("values"[array_position(names::text[], %({key})s)], 'NaN'),
           coalesce(qualities[array_position(names::text[], %({key})s)], 0)"""
BARS = """
COPY (
    SELECT (bar.ts_open / 60000000000 + 1)::float8, bar.close
    FROM marketdata_bar bar
    JOIN marketdata_instrument instrument ON instrument.id = bar.instrument_id
    JOIN marketdata_exchange exchange ON exchange.id = instrument.exchange_id
    WHERE exchange.code = %(exchange)s AND instrument.symbol = %(symbol)s AND bar.timeframe = '1m'
      AND bar.ts_open >= %(start)s AND bar.ts_open < %(end)s
) TO STDOUT (FORMAT BINARY)
"""
HEADER_BYTES, TRAILER_BYTES = 19, 2


def read_window(*, exchange: str, symbol: str, end_ns: int, days: int) -> Window | None:
    """The last `days` days up to `end_ns`; None where no sample was stored in them."""
    end_ns = end_ns - end_ns % MINUTE_NS + MINUTE_NS
    start_ns = end_ns - days * DAY_NS
    within: dict[str, Any] = {"exchange": exchange, "symbol": symbol, "start": start_ns, "end": end_ns}
    with connection.cursor() as cursor:
        cursor.execute(NAMES, within)
        names = list(dict.fromkeys(name for (row,) in cursor.fetchall() for name in row))
        if not names:
            return None
    keys = {f"name_{i}": name for i, name in enumerate(names)}
    statement = SAMPLES.format(columns="".join(COLUMN.format(key=key) for key in keys))
    sampled = _table(statement, within | keys, fields=5 + 2 * len(names))
    bars = _table(BARS, within, fields=2)

    first, minutes = start_ns // MINUTE_NS, (end_ns - start_ns) // MINUTE_NS
    at = sampled[:, 0].astype(np.int64) - first

    def placed(column: int, nothing: float = np.nan) -> Floats:
        found = np.full(minutes, nothing)
        found[at] = sampled[:, column]
        return found

    close = np.full(minutes + 1, np.nan)
    close[bars[:, 0].astype(np.int64) - first] = bars[:, 1]
    phase, volatility = placed(3, 0.0), placed(4, 0.0)
    regimes = {name: phase == i for i, name in enumerate(PHASES, start=1)}
    regimes["calm"] = (volatility == 1) | (volatility == 2)
    regimes["volatile"] = volatility >= 3
    return Window(
        start_ns=start_ns,
        end_ns=end_ns,
        mid=placed(1),
        close=close[:minutes],
        combined=placed(2),
        values={name: placed(5 + 2 * i) for i, name in enumerate(names)},
        qualities={name: placed(6 + 2 * i, 0.0) for i, name in enumerate(names)},
        regimes=regimes,
        predictions=read_predictions(exchange=exchange, symbol=symbol, start_ns=start_ns, end_ns=end_ns),
    )


def _table(statement: str, parameters: dict[str, Any], *, fields: int) -> NDArray[np.float64]:
    """(rows, fields) of a COPY in binary whose fields are all float8 and never null: read without a loop."""
    with connection.cursor() as cursor, cursor.copy(statement, parameters) as copy:
        data = b"".join(bytes(block) for block in copy)
    row = np.dtype([("count", ">i2"), ("fields", [("length", ">i4"), ("value", ">f8")], (fields,))])
    body = memoryview(data)[HEADER_BYTES : len(data) - TRAILER_BYTES]
    found = np.frombuffer(body, dtype=row)
    return found["fields"]["value"].astype(np.float64)
