"""What chaos remembers between its runs: the next seed, how much of each scenario was done, and what failed."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.chaos.outcome import Outcome

_KEPT_FAILURES = 100


@dataclass(slots=True, kw_only=True)
class Ledger:
    path: Path
    next_seed: int = 1
    totals: dict[str, dict[str, float]] = field(default_factory=dict)
    failures: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def load(cls, path: Path) -> "Ledger":
        known = json.loads(path.read_text()) if path.exists() else {}
        return cls(path=path, **known)

    def take_seed(self) -> int:
        seed, self.next_seed = self.next_seed, self.next_seed + 1
        return seed

    def add(self, outcome: Outcome, *, seconds: float, repeat: str) -> None:
        """Count the outcome, and write everything down at once."""
        total = self.totals.setdefault(outcome.scenario, {"runs": 0, "failed": 0, "seconds": 0})
        total["runs"] += 1
        total["failed"] += not outcome.is_ok
        total["seconds"] = round(total["seconds"] + seconds)
        if not outcome.is_ok:
            failure = {"seed": outcome.seed, "scenario": outcome.scenario, "repeat": repeat}
            self.failures = [*self.failures, failure | {"problems": [text[:2000] for text in outcome.problems]}]
            self.failures = self.failures[-_KEPT_FAILURES:]
        self.path.parent.mkdir(exist_ok=True)
        values = {"next_seed": self.next_seed, "totals": self.totals, "failures": self.failures}
        self.path.write_text(json.dumps(values, indent=2) + "\n")
