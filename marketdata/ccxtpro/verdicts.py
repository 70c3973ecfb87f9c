"""What an error of ccxt means for a stream."""

from dataclasses import dataclass
from enum import Enum, auto

import ccxt


class Verdict(Enum):
    # The venue does not list the symbol: others go on.
    REFUSED = auto()
    # Key, token or permission: nothing helps but a person.
    DENIED = auto()
    # The exchange has no such channel.
    UNSUPPORTED = auto()
    # Something is missing in the book: begin it anew.
    GAP = auto()
    # The venue asks for patience.
    WAIT = auto()
    # Network and venue troubles: try again.
    RETRY = auto()
    # The venue answered and does not want this: a few tries, then it counts as refused.
    REJECTED = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """`note` is the kind of note for people, if any; wait at least `wait_s` before the next try."""

    verdict: Verdict
    note: str = ""
    wait_s: float = 0.0


# The first that fits counts, so children come before their parents.
_JUDGEMENTS: tuple[tuple[type[BaseException], Judgement], ...] = (
    (ccxt.BadSymbol, Judgement(verdict=Verdict.REFUSED)),
    (ccxt.AuthenticationError, Judgement(verdict=Verdict.DENIED, wait_s=60)),
    (ccxt.RestrictedLocation, Judgement(verdict=Verdict.DENIED, wait_s=60)),
    (ccxt.NotSupported, Judgement(verdict=Verdict.UNSUPPORTED)),
    (ccxt.InvalidNonce, Judgement(verdict=Verdict.GAP)),
    (ccxt.OnMaintenance, Judgement(verdict=Verdict.WAIT, note="maintenance", wait_s=30)),
    (ccxt.RateLimitExceeded, Judgement(verdict=Verdict.WAIT, note="rate limited", wait_s=10)),
    (ccxt.DDoSProtection, Judgement(verdict=Verdict.WAIT, note="rate limited", wait_s=10)),
    (ccxt.OperationFailed, Judgement(verdict=Verdict.RETRY)),
    (ccxt.UnsubscribeError, Judgement(verdict=Verdict.RETRY)),
    (ccxt.ExchangeClosedByUser, Judgement(verdict=Verdict.RETRY)),
    (ccxt.ExchangeError, Judgement(verdict=Verdict.REJECTED, wait_s=1)),
)
# What ccxt's handlers raise when a venue sends what they do not expect.
HANDLER_ERRORS = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
_HANDLER = Judgement(verdict=Verdict.GAP, note="rejected", wait_s=1)


def judge(error: BaseException) -> Judgement:
    """Say what to do about an error that a watch method of ccxt raised."""
    for kind, judgement in _JUDGEMENTS:
        if isinstance(error, kind):
            return judgement
    return _HANDLER


def failure_kind(error: BaseException) -> tuple[str, float]:
    """Name the VenueError that a failed REST request becomes, and how long to wait."""
    judgement = judge(error)
    match judgement.verdict:
        case Verdict.REFUSED:
            return "unknown_symbol", 0.0
        case Verdict.DENIED:
            return "not_allowed", 0.0
        case Verdict.WAIT:
            kind = "rate_limited" if judgement.note == "rate limited" else "unavailable"
            return kind, judgement.wait_s
        case Verdict.REJECTED | Verdict.UNSUPPORTED:
            return "rejected", 0.0
        case _:
            return "unavailable", 0.0


def explain(error: BaseException) -> str:
    """An error in one line."""
    return f"{type(error).__name__} {error}".strip()[:500]
