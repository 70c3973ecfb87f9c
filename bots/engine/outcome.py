"""What all bots of a symbol look at, and how it ends for one of them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bots.trading.decide import Proposal
from bots.trading.records import OrderPlan, Reason
from bots.trading.vocabulary import ExitReason, Verdict
from quant.blend import Blended
from quant.vector import Floats, SignalVector


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What all bots of the symbol were asked about at one moment; `codes` are (seats,).

    `troubles` concern all of them, `foreign` those that do not allow prices of a second source. `correlation` is what
    the blend took the signals' to be, (columns, columns).
    """

    vector: SignalVector
    blended: Blended
    codes: NDArray[np.int8]
    troubles: tuple[Reason, ...]
    foreign: Reason | None
    now_ns: int
    ts_event: int
    correlation: Floats


class Outcome:
    """How one evaluation ended."""

    __slots__ = ("action", "exit_reason", "plan", "reasons", "stored", "verdict")

    def __init__(self, proposal: Proposal) -> None:
        self.action = proposal.action
        self.verdict = Verdict.HOLD if proposal.purpose is None else Verdict.APPROVED
        self.reasons: tuple[Reason, ...] = proposal.reasons
        self.exit_reason: ExitReason | None = proposal.exit_reason
        self.plan: OrderPlan | None = None
        self.stored = False

    def reject(self, reasons: tuple[Reason, ...]) -> None:
        self.verdict, self.reasons, self.plan = Verdict.REJECTED, reasons, None

    @property
    def key(self) -> tuple[Verdict, tuple[str, ...]]:
        """What must change for a decision to be worth storing."""
        return self.verdict, tuple(reason.code for reason in self.reasons)
