"""TA-Lib's streaming handles, opened as soon as their look-back is there."""

from collections.abc import Callable
from typing import Protocol

import numpy as np
from talib import InsufficientHistory  # type: ignore[attr-defined]  # missing from its stubs


class Handle(Protocol):
    @property
    def value(self) -> float: ...
    @property
    def update(self) -> Callable[..., float]: ...
    @property
    def peek(self) -> Callable[..., float]: ...


class Indicator:
    """One single-output indicator over closed bars, bit-identical to TA-Lib's array function.

    `value` is None until there are enough bars. Inputs must be finite: handles raise on NaN.
    """

    __slots__ = ("_handle", "_history", "_open", "value")

    def __init__(self, open_handle: Callable[..., Handle], *, inputs: int = 1) -> None:
        self._open = open_handle
        self._history: tuple[list[float], ...] = tuple([] for _ in range(inputs))
        self._handle: Handle | None = None
        self.value: float | None = None

    def update(self, *inputs: float) -> None:
        if self._handle is not None:
            self.value = self._handle.update(*inputs)
            return
        for column, x in zip(self._history, inputs, strict=True):
            column.append(x)
        try:
            self._handle = self._open(*(np.array(column) for column in self._history))
        except InsufficientHistory:
            return
        self.value = self._handle.value
        for column in self._history:
            column.clear()

    def peek(self, *inputs: float) -> float | None:
        """The value if a bar closed with these inputs now; commits nothing."""
        return None if self._handle is None else self._handle.peek(*inputs)
