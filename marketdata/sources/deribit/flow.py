"""What takers of options did in a minute, as the delta they bought or sold."""

from collections import defaultdict
from collections.abc import Iterable

from marketdata.events import OptionsFlow
from marketdata.sources.black76 import delta
from marketdata.sources.deribit.chain import YEAR_NS
from marketdata.sources.deribit.messages import Print

MINUTE_NS = 60_000_000_000


def flows(
    prints: Iterable[Print], *, asset: str, begin_ns: int, end_ns: int, source: str, ts_init: int
) -> list[OptionsFlow]:
    """A flow for every full minute between two times, also where nothing was traded, each at the minute's end.

    Block trades and combinations are left out; deltas are those of Black (1976) at the trade's own volatility, with
    the index as the forward.
    """
    by_minute: dict[int, list[Print]] = defaultdict(list)
    for item in prints:
        if item.is_plain:
            by_minute[item.ts_event // MINUTE_NS].append(item)
    return [
        _flow(by_minute[minute], minute, asset, source, ts_init)
        for minute in range(-(-begin_ns // MINUTE_NS), end_ns // MINUTE_NS)
    ]


def _flow(prints: Iterable[Print], minute: int, asset: str, source: str, ts_init: int) -> OptionsFlow:
    net = gross = 0.0
    trades = 0
    for item in prints:
        years = (item.option.expiry_ns - item.ts_event) / YEAR_NS
        if years <= 0 or item.volatility <= 0:
            continue
        size = item.amount * delta(
            forward=item.index_price,
            strike=item.option.strike,
            years=years,
            volatility=item.volatility,
            is_call=item.option.is_call,
        )
        net += item.direction * size
        gross += abs(size)
        trades += 1
    return OptionsFlow(
        exchange=source,
        symbol=asset,
        net_delta=net,
        gross_delta=gross,
        trades=trades,
        ts_event=(minute + 1) * MINUTE_NS,
        ts_init=ts_init,
    )
