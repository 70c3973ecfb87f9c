"""Entry, exit or hold: what one bot makes of one instrument's blend. The same code live, in replay and in a backtest.

The order of the questions is fixed, and the first that says "no" is the reason for a hold. `quick_codes` answers the
cheap ones for all bots of a symbol at once, so that a tick costs work only for the bots it means something to.
"""

from collections.abc import Sequence
from enum import IntEnum

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from bots.trading.records import Reason
from bots.trading.vocabulary import Action, ExitReason, Purpose, Side
from quant.vector import Floats
from quant.voting import Verdict, VerdictCode
from quant.wording import compared

Codes = NDArray[np.int8]


class Standing(IntEnum):
    """Where a bot stands with an instrument. Numbers, because arrays hold them."""

    NO_MARKET = 0
    WORKING = 1
    NO_SIGNAL = 2
    HOLDING = 3
    REVERSED = 4
    NOT_CONFIDENT = 5
    SHORT = 6
    ENTRY = 7


QUIET = frozenset(Standing) - {Standing.REVERSED, Standing.ENTRY}


class Opinion(Struct, frozen=True, kw_only=True):
    """The blend as one bot sees it: S in [-1, 1] (NaN without any), C, DM, F in [-20, 20] and confidence."""

    signal: float
    coverage: float
    multiplier: float
    forecast: float
    confidence: float
    minimum_confidence: float


class Proposal(Struct, frozen=True, kw_only=True):
    """What to do. `purpose` is None for a hold; `reasons` say why it is one."""

    action: Action
    purpose: Purpose | None = None
    side: Side | None = None
    exit_reason: ExitReason | None = None
    reasons: tuple[Reason, ...] = ()


def quick_codes(
    *,
    signal: Floats,
    confidence: Floats,
    minimum_confidence: Floats,
    held: Codes,
    working: NDArray[np.bool_],
    can_short: bool,
    has_market: bool,
) -> Codes:
    """The standing of every bot, (bots,). held: the sign of the position, 0 without one. working: an order is live."""
    if not has_market:
        return np.full(len(signal), Standing.NO_MARKET, dtype=np.int8)
    confident = confidence >= minimum_confidence
    # Comparing a NaN is false: an unknown signal never reverses or enters.
    free = np.where(confident, np.where(signal > 0.0, Standing.ENTRY, Standing.SHORT), Standing.NOT_CONFIDENT)
    if can_short:
        free = np.where(confident, Standing.ENTRY, Standing.NOT_CONFIDENT)
    owned = np.where(confident & (signal * held < 0.0), Standing.REVERSED, Standing.HOLDING)
    codes = np.where(held != 0, owned, np.where(np.isnan(signal), Standing.NO_SIGNAL, free))
    return np.where(working, Standing.WORKING, codes).astype(np.int8)


def standing(*, opinion: Opinion, held: Side | None, working: bool, can_short: bool, has_market: bool) -> Standing:
    """`quick_codes` for one bot."""
    codes = quick_codes(
        signal=np.array([opinion.signal]),
        confidence=np.array([opinion.confidence]),
        minimum_confidence=np.array([opinion.minimum_confidence]),
        held=np.array([held.sign if held else 0], dtype=np.int8),
        working=np.array([working]),
        can_short=can_short,
        has_market=has_market,
    )
    return Standing(int(codes[0]))


def decide(
    *,
    code: Standing,
    opinion: Opinion,
    held: Side | None,
    verdicts: Sequence[Verdict],
    market_reasons: Sequence[Reason] = (),
) -> Proposal:
    """Turn a standing into a proposal.

    An entry needs every validator that the bot has on. Leaving by signal needs only coverage: voices that disagree
    are no reason to stay, but a blend of what little data there is is no reason to leave; stops are there for that.
    The quant block and all limits are judged by risk, after sizing. market_reasons: what is wrong with the price.
    """
    failed = [verdict for verdict in verdicts if not verdict.passed and _matters(verdict, code)]
    if failed:
        return Proposal(
            action=Action.HOLD,
            reasons=tuple(Reason(code=verdict.code.value, text=verdict.text) for verdict in failed),
        )
    if code is Standing.REVERSED and held is not None:
        return Proposal(
            action=_action(held.opposite), purpose=Purpose.EXIT, side=held.opposite, exit_reason=ExitReason.SIGNAL
        )
    if code is Standing.ENTRY:
        side = Side.BUY if opinion.signal > 0 else Side.SELL
        return Proposal(action=_action(side), purpose=Purpose.ENTRY, side=side)
    if code is Standing.NO_MARKET:
        return Proposal(action=Action.HOLD, reasons=tuple(market_reasons) or (_NO_MARKET,))
    return Proposal(action=Action.HOLD, reasons=(_hold_reason(code, opinion),))


_NO_MARKET = Reason(code="no_price", text="there is no valid price")


def _matters(verdict: Verdict, code: Standing) -> bool:
    return code is Standing.ENTRY or (code is Standing.REVERSED and verdict.code is VerdictCode.COVERAGE)


def _action(side: Side) -> Action:
    return Action.BUY if side is Side.BUY else Action.SELL


def _hold_reason(code: Standing, opinion: Opinion) -> Reason:
    if code is Standing.WORKING:
        return Reason(code="live_order", text="an order in this symbol is still live")
    if code is Standing.NO_SIGNAL:
        return Reason(code="no_signal", text="no signal has a value: waiting for data")
    if code is Standing.NOT_CONFIDENT:
        confidence, minimum = compared(opinion.confidence, opinion.minimum_confidence)
        return Reason(code="confidence", text=f"confidence is {confidence}, needs {minimum}")
    if code is Standing.SHORT:
        return Reason(
            code="short", text=f"the blend of {opinion.signal:+.2f} points down, and short is not possible here"
        )
    return Reason(code="holding", text="a position is open, and nothing speaks strongly enough against it")
