"""The indicators of TA-Lib that features are made from: one table, run by its array functions and by its handles.

Both give the same bits from the same first bar.
"""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import talib
from numpy.typing import NDArray
from talib import InsufficientHistory, stream  # type: ignore[attr-defined]  # missing from its stubs

from quant.learning.features.base import FROM_SECOND, FROM_WINDOW
from quant.learning.features.yang_zhang import BARS as YANG_ZHANG_BARS

Floats = NDArray[np.float64]


class Spec(NamedTuple):
    """A function of TA-Lib, what it is fed, its parameters, and what its outputs are called here ("" is unused)."""

    function: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    params: dict[str, Any]

    @property
    def lag(self) -> int:
        """Bars before its inputs begin."""
        if FROM_WINDOW & set(self.inputs):
            return YANG_ZHANG_BARS
        return 1 if FROM_SECOND & set(self.inputs) else 0


def _spec(function: str, inputs: str, outputs: str, **params: Any) -> Spec:
    return Spec(function, tuple(inputs.split()), tuple(outputs.split(" ")), params)


HLC = "high low close"
SPECS: tuple[Spec, ...] = (
    *(_spec("EMA", "close", f"ema_{n}", timeperiod=n) for n in (8, 16, 32, 64, 128)),
    *(_spec(kind, "close", f"{name}_{n}", timeperiod=n) for n in (20, 80) for kind, name in (("MAX", "top"), ("MIN", "low"))),
    _spec("EMA", "r_squared", "variance", timeperiod=35),
    _spec("MACD", "close", "macd  macd_hist", fastperiod=12, slowperiod=26, signalperiod=9),
    _spec("LINEARREG_SLOPE", "close", "slope_48", timeperiod=48),
    _spec("ROC", "close", "roc_10", timeperiod=10),
    _spec("ER", "close", "er_20", timeperiod=20),
    _spec("RSI", "close", "rsi_14", timeperiod=14),
    _spec("SMA", "close", "mean_20", timeperiod=20),
    _spec("STDDEV", "close", "deviation_20", timeperiod=20, nbdev=1.0),
    _spec("STOCH", HLC, "stoch_k stoch_d", fastk_period=14, slowk_period=3, slowd_period=3),
    _spec("CCI", HLC, "cci_20", timeperiod=20),
    _spec("WILLR", HLC, "willr_14", timeperiod=14),
    _spec("MFI", f"{HLC} volume", "mfi_14", timeperiod=14),
    _spec("ADX", HLC, "adx_14", timeperiod=14),
    _spec("PLUS_DI", HLC, "plus_di", timeperiod=14),
    _spec("MINUS_DI", HLC, "minus_di", timeperiod=14),
    _spec("ATR", HLC, "atr_14", timeperiod=14),
    _spec("EMA", "sigma_squared", "variance_200", timeperiod=200),
    _spec("STDDEV", "log_sigma", "vol_of_vol", timeperiod=48, nbdev=1.0),
    _spec("PERCENTRANK", "log_sigma", "vol_rank", timeperiod=288),
    _spec("CMF", f"{HLC} volume", "cmf_20", timeperiod=20),
    _spec("EMA", "volume", "volume_20", timeperiod=20),
    _spec("MAX", "volume", "volume_most_20", timeperiod=20),
    _spec("SMA", "volume", "volume_mean", timeperiod=48),
    _spec("STDDEV", "volume", "volume_deviation", timeperiod=48, nbdev=1.0),
    _spec("EMA", "moved_volume", "moved_20", timeperiod=20),
    _spec("EMA", "taken", "taken_20", timeperiod=20),
    _spec("EMA", "known_volume", "known_20", timeperiod=20),
)  # fmt: skip


class IndicatorStream:
    """All of them bar by bar."""

    def __init__(self) -> None:
        self._handles: list[Any] = [None] * len(SPECS)
        self._histories: list[list[tuple[float, ...]]] = [[] for _ in SPECS]
        self.values: dict[str, float] = {name: math.nan for spec in SPECS for name in spec.outputs if name}

    def update(self, base: Mapping[str, float]) -> None:
        for i, spec in enumerate(SPECS):
            inputs = tuple(base[name] for name in spec.inputs)
            if any(x != x for x in inputs):
                continue
            handle = self._handles[i]
            if handle is None:
                value = self._open(i, spec, inputs)
            else:
                value = handle.update(*inputs)
            if value is not None:
                self._put(spec, value)

    def _open(self, i: int, spec: Spec, inputs: tuple[float, ...]) -> Any:
        """The handle's first value as soon as there is enough of a past, None until then."""
        self._histories[i].append(inputs)
        columns = [np.array(column) for column in zip(*self._histories[i], strict=True)]
        try:
            self._handles[i] = getattr(stream, spec.function)(*columns, **spec.params)
        except InsufficientHistory:
            return None
        self._histories[i].clear()
        return self._handles[i].value

    def _put(self, spec: Spec, value: float | tuple[float, ...]) -> None:
        outputs = value if isinstance(value, tuple) else (value,)
        for name, x in zip(spec.outputs, outputs, strict=True):
            if name:
                self.values[name] = x


def indicator_arrays(base: Mapping[str, Floats]) -> dict[str, Floats]:
    """The same over one segment."""
    n = len(base["close"])
    found: dict[str, Floats] = {}
    for spec in SPECS:
        inputs = [base[name][spec.lag :] for name in spec.inputs]
        if n > spec.lag:
            value = getattr(talib, spec.function)(*inputs, **spec.params)
            outputs = value if isinstance(value, tuple) else (value,)
        else:
            outputs = tuple(np.empty(0) for _ in spec.outputs)
        for name, x in zip(spec.outputs, outputs, strict=True):
            if name:
                found[name] = np.concatenate((np.full(min(spec.lag, n), np.nan), x))
    return found
