"""The stored observations that slow signals begin from: as long a past as each needs, thinned where that changes nothing."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
from asgiref.sync import sync_to_async
from django.db import connection

from marketdata.events import (
    Funding,
    Headline,
    LongShort,
    OpenInterest,
    OptionsFlow,
    OptionsSummary,
    Premium,
    Sentiment,
    VolatilityIndex,
)
from marketdata.sources.config import foreign_names
from marketdata.sources.kinds import OBSERVED, SlowEvent, kind_of
from quant.signals.sentiment import MARKET

SECOND_NS = 1_000_000_000
DAY_NS = 86_400 * SECOND_NS
# What came within it is all read: an hour of open interest, and the minutes of options that were taken in an hour.
WHOLE_NS = 3 * 3600 * SECOND_NS
# Signals of five minutes learn once in four; series are told apart by silences of twelve.
STEP_NS = 600 * SECOND_NS
HEADLINES = 500


class Need(NamedTuple):
    """How far back a kind is read, and in what steps; 0 is every one."""

    back_ns: int
    step_ns: int = 0


NEEDS = {
    kind_of(kind): need
    for kind, need in (
        (Funding, Need(91 * DAY_NS)),
        (OpenInterest, Need(31 * DAY_NS, STEP_NS)),
        (LongShort, Need(31 * DAY_NS, STEP_NS)),
        (Premium, Need(31 * DAY_NS, STEP_NS)),
        (OptionsSummary, Need(31 * DAY_NS, STEP_NS)),
        (OptionsFlow, Need(8 * DAY_NS)),
        (VolatilityIndex, Need(DAY_NS)),
        (Sentiment, Need(100 * DAY_NS)),
        (Headline, Need(2 * DAY_NS)),
    )
}
# The oldest of each step and the whole of the last hours.
QUERY = """
SELECT DISTINCT ON (source, symbol, key, CASE WHEN ts_event >= %(whole)s OR %(step)s = 0 THEN ts_event
                                              ELSE ts_event / nullif(%(step)s, 0) * nullif(%(step)s, 0) END)
       source, symbol, ts_event, ts_init, data::text
FROM marketdata_observation
WHERE symbol = ANY(%(symbols)s) AND kind = %(kind)s AND ts_event >= %(begin)s AND ts_event < %(end)s
      AND NOT source = ANY(%(foreign)s)
ORDER BY source, symbol, key, CASE WHEN ts_event >= %(whole)s OR %(step)s = 0 THEN ts_event
                                   ELSE ts_event / nullif(%(step)s, 0) * nullif(%(step)s, 0) END, ts_event
"""
NEWS = """
SELECT source, symbol, ts_event, ts_init, data::text FROM marketdata_observation
WHERE symbol = ANY(%(symbols)s) AND kind = %(kind)s AND ts_event >= %(begin)s AND ts_event < %(end)s
      AND NOT source = ANY(%(foreign)s)
ORDER BY ts_event DESC LIMIT {limit}
"""
_decode = msgspec.json.Decoder(dict[str, object]).decode


def past_observations(asset: str, before_ns: int) -> list[SlowEvent]:
    """What is stored of an asset and of the whole market before a moment, in no particular order. Raises DatabaseError."""
    return _read(asset, {kind: before_ns - need.back_ns for kind, need in NEEDS.items()}, before_ns)


def observations_between(asset: str, start_ns: int, end_ns: int) -> list[SlowEvent]:
    """All with start <= ts_event < end, in no particular order. Raises DatabaseError."""
    return _read(asset, dict.fromkeys(NEEDS, start_ns), end_ns, thin=False)


def _read(asset: str, begins_ns: Mapping[str, int], end_ns: int, *, thin: bool = True) -> list[SlowEvent]:
    try:
        foreign = sorted(foreign_names())
        events: list[SlowEvent] = []
        with connection.cursor() as cursor:
            for kind, begin_ns in begins_ns.items():
                values: dict[str, Any] = {
                    "symbols": [asset, MARKET],
                    "kind": kind,
                    "begin": begin_ns,
                    "end": end_ns,
                    "whole": end_ns - WHOLE_NS,
                    "step": NEEDS[kind].step_ns if thin else 0,
                    "foreign": foreign,
                }
                query = NEWS.format(limit=HEADLINES) if kind == kind_of(Headline) else QUERY
                cursor.execute(query, values)
                events += [_event(kind, *row) for row in cursor.fetchall()]
        return events
    finally:
        # Used once in a while: a kept connection would be found dead after the database was away.
        connection.close()


def _event(kind: str, source: str, symbol: str, ts_event: int, ts_init: int, data: str) -> SlowEvent:
    made = OBSERVED[kind]
    known = {name: value for name, value in _decode(data).items() if name in made.__struct_fields__}
    values: dict[str, object] = {"exchange": source, "symbol": symbol, "ts_event": ts_event, "ts_init": ts_init}
    return made(**(known | values))  # type: ignore[arg-type]


apast_observations = sync_to_async(past_observations, thread_sensitive=False)
