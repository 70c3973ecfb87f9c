"""Rows to learn from, out of the database. Times in nanoseconds."""

from collections.abc import Iterable
from datetime import UTC, datetime

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from marketdata.events import TIMEFRAME_SECONDS, Timeframe
from marketdata.models import BarRow
from quant.features.bars import timeframe_ns
from quant.learning.features import FEATURES, MARKET_FEATURES, SCHEMA_HASH, BarHistory, feature_arrays
from quant.learning.labels import LabelParams, Labels, cusum_events, triple_barrier
from quant.learning.train import Rows, holdout_begins_ns
from quant.models import SignalSample

Floats = NDArray[np.float64]

# Until every feature is there.
WARM_UP_BARS = 310
MIN_BARS = 3000
# As many horizons as give a cross-validation something to disagree about.
MIN_HORIZONS = 200
MIN_LABELS = 500
SIGMA = FEATURES.index("volatility")

_COLUMNS = ("ts_open", "open", "high", "low", "close", "volume", "taker_buy_volume")


class TooLittle(Exception):
    """There is not enough to learn from; the text says what is needed and how to get it."""


class Examples(Struct, frozen=True, kw_only=True):
    """Events to learn from, and `served`: every bar since the holdout begins, as a model is asked. `bars` counts all."""

    x: Floats
    labels: Labels
    served: Rows
    bars: int
    span_start_ns: int
    span_end_ns: int


def needed_bars(horizon_bars: int) -> int:
    return WARM_UP_BARS + max(MIN_BARS, MIN_HORIZONS * horizon_bars)


def label_params(horizon_bars: int, cost_bps: float) -> LabelParams:
    """Longer horizons begin rarer events: their labels overlap more."""
    sigmas = max(1.0, float(np.sqrt(horizon_bars)) / 4.0)
    return LabelParams(horizon_bars=horizon_bars, cost_bps=cost_bps, cusum_sigmas=sigmas)


def load_bars(
    exchange: str,
    symbol: str,
    timeframe: Timeframe,
    *,
    start_ns: int | None,
    end_ns: int | None,
    last: int | None = None,
) -> BarHistory:
    """Stored closed bars that open in [start, end), the `last` of them where given; unsound ones are left out."""
    rows = BarRow.objects.filter(instrument__exchange__code=exchange, instrument__symbol=symbol, timeframe=timeframe)
    if start_ns is not None:
        rows = rows.filter(ts_open__gte=start_ns)
    if end_ns is not None:
        rows = rows.filter(ts_open__lt=end_ns)
    found = rows.order_by("-ts_open").values_list(*_COLUMNS)
    values = list(reversed(found[:last] if last is not None else found))
    columns: list[tuple[object, ...]] = list(zip(*values, strict=True)) if values else [() for _ in _COLUMNS]
    times = np.array(columns[0], dtype=np.int64)
    floats = [np.array(column, dtype=np.float64) for column in columns[1:]]
    return BarHistory(
        ts_open=times, open=floats[0], high=floats[1], low=floats[2], close=floats[3], volume=floats[4],
        taker_buy=floats[5],
    ).sound()  # fmt: skip


def load_market(exchange: str, symbol: str, closes_ns: NDArray[np.int64]) -> Floats:
    """(bars, market features) as recorded at the closes; NaN where nothing was, or other features were."""
    found = np.full((len(closes_ns), len(MARKET_FEATURES)), np.nan)
    if len(closes_ns) == 0:
        return found
    samples = SignalSample.objects.filter(
        exchange=exchange,
        symbol=symbol,
        schema_hash=SCHEMA_HASH,
        ts_event__gte=int(closes_ns[0]),
        ts_event__lte=int(closes_ns[-1]),
    )
    for ts_ns, market in samples.values_list("ts_event", "market").iterator(chunk_size=5000):
        place = int(np.searchsorted(closes_ns, ts_ns))
        if closes_ns[place] == ts_ns and len(market) == len(MARKET_FEATURES):
            found[place] = [np.nan if x is None else x for x in market]
    return found


def load_entries(exchange: str, symbol: str, timeframe: Timeframe, bars: BarHistory) -> Floats:
    """(bars,): the middle at the moment that market features were recorded, the close where none was.

    That is a moment after the close: from the close on, features would know how the return begins. Kept within the
    next bar's range, as a quote may have been old.
    """
    found = bars.close.copy()
    closes_ns = bars.ts_open + timeframe_ns(timeframe)
    if len(bars) < 2:
        return found
    samples = SignalSample.objects.filter(
        exchange=exchange,
        symbol=symbol,
        ts_event__gte=int(closes_ns[0]),
        ts_event__lte=int(closes_ns[-2]),
        mid__isnull=False,
    )
    for ts_ns, mid in samples.values_list("ts_event", "mid").iterator(chunk_size=5000):
        place = int(np.searchsorted(closes_ns, ts_ns))
        if closes_ns[place] == ts_ns and bars.ts_open[place + 1] == ts_ns:
            found[place] = min(max(mid, bars.low[place + 1]), bars.high[place + 1])
    return found


def rows_of(exchange: str, symbol: str, timeframe: Timeframe, bars: BarHistory) -> Floats:
    """(bars, features)."""
    market = load_market(exchange, symbol, bars.ts_open + timeframe_ns(timeframe))
    return feature_arrays(bars, timeframe, market)


def load_examples(
    exchange: str,
    symbols: Iterable[str],
    timeframe: Timeframe,
    *,
    start_ns: int | None,
    end_ns: int | None,
    params: LabelParams,
) -> Examples:
    """All labelled events of the symbols, by time. Raises TooLittle."""
    parts: list[tuple[Floats, Labels]] = []
    whole: list[tuple[Floats, Labels]] = []
    counts, edges = 0, list[int]()
    for symbol in symbols:
        bars = load_bars(exchange, symbol, timeframe, start_ns=start_ns, end_ns=end_ns)
        _require_bars(exchange, symbol, timeframe, bars, params.horizon_bars)
        x = rows_of(exchange, symbol, timeframe, bars)
        entry = load_entries(exchange, symbol, timeframe, bars)
        labels = labels_of(x, bars, timeframe, params, entry=entry)
        parts.append((x[labels.rows], labels))
        whole.append((x, labels_of_all(x, bars, timeframe, params, entry=entry)))
        counts += len(bars)
        edges.extend((int(bars.ts_open[0]), int(bars.ts_open[-1]) + timeframe_ns(timeframe)))
    x, joined = _joined(parts)
    _require_labels(joined, counts, params)
    served = _served(whole, holdout_begins_ns(joined))
    return Examples(x=x, labels=joined, served=served, bars=counts, span_start_ns=min(edges), span_end_ns=max(edges))


def labels_of(
    x: Floats, bars: BarHistory, timeframe: Timeframe, params: LabelParams, *, entry: Floats | None = None
) -> Labels:
    """Labels of the events among `bars`, whose features are `x`; entry as `triple_barrier` takes it."""
    sigma = x[:, SIGMA]
    events = cusum_events(bars.close, sigma, params.cusum_sigmas)
    events = events[events >= WARM_UP_BARS]
    return triple_barrier(bars, sigma, events, params, length_ns=timeframe_ns(timeframe), entry=entry)


def labels_of_all(
    x: Floats, bars: BarHistory, timeframe: Timeframe, params: LabelParams, *, entry: Floats | None = None
) -> Labels:
    """The same of every bar, event or not."""
    everything = np.arange(WARM_UP_BARS, len(bars), dtype=np.int64)
    return triple_barrier(bars, x[:, SIGMA], everything, params, length_ns=timeframe_ns(timeframe), entry=entry)


def _served(whole: list[tuple[Floats, Labels]], begin_ns: int) -> Rows:
    parts = []
    for x, labels in whole:
        late = labels.part(labels.start_ns >= begin_ns)
        parts.append((x[late.rows], late))
    return Rows(*_joined(parts))


def _joined(parts: list[tuple[Floats, Labels]]) -> tuple[Floats, Labels]:
    x = np.concatenate([part for part, _ in parts])
    labels = Labels(
        **{name: np.concatenate([getattr(part, name) for _, part in parts]) for name in Labels.__struct_fields__}
    )
    order = np.argsort(labels.start_ns, kind="stable")
    return x[order], labels.part(order)


def _require_bars(exchange: str, symbol: str, timeframe: Timeframe, bars: BarHistory, horizon_bars: int) -> None:
    needed = needed_bars(horizon_bars)
    if len(bars) >= needed:
        return
    begin = "2026-01-01"
    if len(bars):
        missing_s = (needed - len(bars)) * TIMEFRAME_SECONDS[timeframe] * 1.05
        begin = f"{datetime.fromtimestamp(int(bars.ts_open[0]) / 1e9 - missing_s, tz=UTC):%Y-%m-%d}"
    raise TooLittle(
        f"{symbol} on {exchange} has {len(bars):,} usable bars of {timeframe} in this span; a horizon of {horizon_bars} "
        f"bars needs {needed:,}. Fetch more with `manage.py backfill {exchange} {symbol} --timeframe {timeframe} "
        f"--from {begin}`, widen the span, or choose a shorter horizon."
    )


def _require_labels(labels: Labels, bars: int, params: LabelParams) -> None:
    if len(labels) < MIN_LABELS:
        raise TooLittle(
            f"Only {len(labels)} of {bars:,} bars begin an event whose barriers are more than {params.cost_multiple:g}"
            f" times the cost of {params.cost_bps:g} bps away; {MIN_LABELS} are needed. Choose a longer horizon or "
            "timeframe: within this one the market moves too little to pay for a trade."
        )
    if len(np.unique(labels.classes)) < 3:
        raise TooLittle(
            "The events of this span do not end in all of sell, hold and buy: choose another span or horizon."
        )
