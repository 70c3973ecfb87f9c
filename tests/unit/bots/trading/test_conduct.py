"""Refusals and slippage halt a bot; ordinary trading does not."""

import pytest

from bots.trading.conduct import conduct_reasons
from bots.trading.risk import RiskCode


@pytest.mark.parametrize(
    ("rejected", "slipped", "codes"),
    [(6, 2, []), (7, 0, [RiskCode.REJECT_RATE]), (0, 3, [RiskCode.SLIPPAGE]),
     (20, 20, [RiskCode.REJECT_RATE, RiskCode.SLIPPAGE])],
)  # fmt: skip
def test_more_than_thirty_per_cent_of_twenty_or_three_slips_halt(
    rejected: int, slipped: int, codes: list[RiskCode]
) -> None:
    assert [reason.code for reason in conduct_reasons(rejected, slipped)] == codes
