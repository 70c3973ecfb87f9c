"""A benchmark's result, and how to take a time."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One measured value beside its floor, in the same unit.

    `ratio` is value / floor. The budget is on the ratio where `budget_is_ratio`, else on the value; `higher_is_better`
    turns the comparison round (throughputs). `note` says what was measured, where the name cannot.
    """

    value: float
    unit: str
    floor: float
    budget: float
    budget_is_ratio: bool = False
    higher_is_better: bool = False
    note: str = ""

    @property
    def ratio(self) -> float:
        return self.value / self.floor if self.floor else float("nan")

    @property
    def ok(self) -> bool:
        measured = self.ratio if self.budget_is_ratio else self.value
        return measured >= self.budget if self.higher_is_better else measured <= self.budget

    def as_dict(self) -> dict[str, Any]:
        fields = asdict(self)
        return {name: fields[name] for name in ("value", "unit", "floor")} | {
            "ratio": self.ratio,
            "budget": self.budget,
            "ok": self.ok,
            "note": self.note,
        }


def best_seconds(work: Callable[[], object], *, repeat: int = 5) -> float:
    """The shortest of several runs: what the code costs when the machine is not busy with something else."""
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def percentile(samples: list[float], q: float) -> float:
    return float(np.percentile(samples, q))
