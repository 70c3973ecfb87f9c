"""What a bot's last orders say of it: refused by the venue, or filled far from what was decided on."""

from collections.abc import Iterator

from bots.trading.limits import DEFAULT_CONTROLS, Controls
from bots.trading.records import Reason
from bots.trading.risk import RiskCode


def conduct_reasons(rejected: int, slipped: int, *, controls: Controls = DEFAULT_CONTROLS) -> Iterator[Reason]:
    """Why a bot is halted until a person starts it again.

    rejected: of its last `judged_orders` since it was started; slipped: those that filled worse than decided by more
    than `slippage_fraction`.
    """
    last = controls.judged_orders
    if rejected > controls.rejected_maximum:
        text = f"the venue refused {rejected} of the bot's last {last} orders; more than {controls.rejected_maximum} halt it"
        yield Reason(code=RiskCode.REJECT_RATE.value, text=text)
    if slipped >= controls.slippages:
        text = (
            f"{slipped} of the bot's last {last} orders filled more than {controls.slippage_fraction * 100:.0f} % worse "
            f"than the price decided on; {controls.slippages} halt it"
        )
        yield Reason(code=RiskCode.SLIPPAGE.value, text=text)
