"""Events of every stored kind, and a store whose clock the test moves."""

import struct
import types
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from marketdata.events import QuoteTick
from marketdata.store.layout import KINDS, NS_PER_DAY
from marketdata.store.writer import EventStore

# 2024-08-08 00:00 UTC.
DAY0 = 1_723_075_200_000_000_000
SYMBOL = "BTC/USDT"
INT64 = st.integers(-(2**63), 2**63 - 1)
# Few, so that equal times are common.
TIMES = st.sampled_from([DAY0 + day * NS_PER_DAY + ns for day in range(3) for ns in (0, 1, 2, NS_PER_DAY - 1)])


def strategy(hint: Any) -> st.SearchStrategy:
    if hint is str:
        return st.text(max_size=8)
    if hint is int:
        return INT64
    if hint is float:
        return st.floats()
    if hint is bool:
        return st.booleans()
    if get_origin(hint) in (Union, types.UnionType):
        return st.one_of(*map(strategy, get_args(hint)))
    if hint is type(None):
        return st.none()
    if get_origin(hint) is Literal:
        return st.sampled_from(get_args(hint))
    (inner, _) = get_args(hint)
    return st.lists(st.tuples(*map(strategy, get_args(inner))), max_size=4).map(tuple)


def events_of(kind: str) -> st.SearchStrategy:
    fields = {name: strategy(hint) for name, hint in get_type_hints(KINDS[kind]).items() if not name.startswith("__")}
    fields |= {"exchange": st.just("simulated"), "symbol": st.just(SYMBOL)}
    for name in ("ts_init", "ts_close"):
        if name in fields:
            fields[name] = TIMES
    if "closed" in fields:
        fields["closed"] = st.just(True)
    names = KINDS[kind].__struct_fields__
    return st.builds(KINDS[kind], **{name: fields[name] for name in names})


ANY_EVENT = st.one_of(*map(events_of, KINDS))


def bits(value: Any) -> Any:
    """What tells floats apart that are equal or not by ==: -0.0 and 0.0, NaN and NaN."""
    if isinstance(value, float):
        return struct.pack("<d", value)
    if isinstance(value, tuple):
        return tuple(map(bits, value))
    if hasattr(value, "__struct_fields__"):
        return (type(value).__name__, *(bits(getattr(value, name)) for name in value.__struct_fields__))
    return value


def quote(number: int, *, at: int = DAY0, symbol: str = SYMBOL) -> QuoteTick:
    return QuoteTick(
        exchange="simulated", symbol=symbol, bid=99.0, bid_size=1.0, ask=101.0, ask_size=1.0, ts_event=at, ts_init=at,
        update_id=number,
    )  # fmt: skip


class Clock:
    def __init__(self) -> None:
        self.ns = DAY0

    def __call__(self) -> int:
        return self.ns


@contextmanager
def storing(root: Path, *, problems: list[str] | None = None, **options: Any) -> Iterator[EventStore]:
    """A store, closed at the end. Without `problems` none may be told."""
    told: list[str] = []
    chosen: dict[str, Any] = {"clock_ns": Clock()} | options
    store = EventStore(root, on_problem=(told if problems is None else problems).append, **chosen)
    try:
        yield store
    finally:
        store.close()
    assert told == []
