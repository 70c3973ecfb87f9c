"""How a source is, told from how each of its jobs went."""

from dataclasses import dataclass
from enum import StrEnum

# A job that has not succeeded for so many of its intervals is stale.
STALE_INTERVALS = 3


class State(StrEnum):
    WAITING = "waiting"
    LIVE = "live"
    UNREACHABLE = "unreachable"
    UNREADABLE = "unreadable"
    REFUSED = "refused"
    STALE = "stale"
    FAILED = "failed"


# What people should see first.
_WORST_FIRST = (
    State.FAILED,
    State.STALE,
    State.UNREADABLE,
    State.REFUSED,
    State.UNREACHABLE,
    State.WAITING,
    State.LIVE,
)


@dataclass(slots=True, kw_only=True)
class JobHealth:
    """How one job went. Times are our clock's, in nanoseconds; 0 when it has not happened."""

    name: str
    every_s: float
    fresh_within_s: float | None
    started_ns: int
    state: State = State.WAITING
    reason: str = ""
    succeeded_ns: int = 0
    newest_ns: int = 0
    failures: int = 0

    def progress(self, reason: str) -> None:
        self.reason = reason

    def succeed(self, now_ns: int) -> None:
        self.state, self.reason, self.succeeded_ns, self.failures = State.LIVE, "", now_ns, 0

    def fail(self, state: State, reason: str) -> None:
        self.state, self.reason = state, reason
        self.failures += 1

    def idle(self, reason: str) -> None:
        """There was nothing to do: neither a success nor a failure."""
        self.state, self.reason, self.failures = State.WAITING, reason, 0

    def judge(self, now_ns: int) -> tuple[State, str]:
        """Its state now, with what is wrong."""
        reason = f"{self.name}: {self.reason}" if self.reason else ""
        silent_s = (now_ns - (self.succeeded_ns or self.started_ns)) / 1e9
        if self.failures and silent_s > STALE_INTERVALS * self.every_s:
            return State.STALE, f"nothing for {_duration(silent_s)}; {reason}"
        age_s = (now_ns - self.newest_ns) / 1e9
        if (
            self.state is State.LIVE
            and self.newest_ns
            and self.fresh_within_s is not None
            and age_s > self.fresh_within_s
        ):
            return State.STALE, f"{self.name}: it answers, but the newest is {_duration(age_s)} old"
        return self.state, reason


def overall(jobs: list[JobHealth], now_ns: int) -> tuple[State, str]:
    """The state of the worst job, and every job's reason."""
    judged = [job.judge(now_ns) for job in jobs]
    states = {state for state, _ in judged}
    reasons = list(dict.fromkeys(reason for _, reason in judged if reason))
    worst = next((state for state in _WORST_FIRST if state in states), State.WAITING)
    only_begun = worst is State.WAITING and not any(job.failures for job in jobs)
    if only_begun and State.LIVE in states:
        worst = State.LIVE
    return worst, "; ".join(reasons)


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7_200 else f"{seconds / 3_600:.0f} h"
