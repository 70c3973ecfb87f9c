"""What a scenario found."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(slots=True, kw_only=True)
class Outcome:
    """Counts of what happened, and what was wrong; nothing wrong is a success."""

    scenario: str
    seed: int
    counts: Counter[str] = field(default_factory=Counter)
    figures: dict[str, float] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    @property
    def is_ok(self) -> bool:
        return not self.problems

    def expect(self, holds: object, problem: str) -> None:
        """Note the problem unless it holds; the scenario goes on, so that one run tells all of them."""
        if not holds:
            self.problems.append(problem)

    def expect_all(self, pairs: Iterable[tuple[object, str]]) -> None:
        for holds, problem in pairs:
            self.expect(holds, problem)

    def slowest(self, name: str, value: float) -> None:
        """Keep the highest of a figure."""
        self.figures[name] = round(max(value, self.figures.get(name, 0.0)), 3)
