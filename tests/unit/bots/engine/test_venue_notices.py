"""What people are told of orders whose fate is unclear: once, with what is missing for a proof."""

from decimal import Decimal
from typing import Any

from bots.engine.venue_notices import VenueNotices
from bots.orders.load import AccountConfig
from bots.orders.venue.following import Followed
from bots.orders.venue.reconcile import Reconciled
from bots.trading.vocabulary import OrderState
from tests.unit.bots.orders.cast import SIGNED_MS, an_order

ACCOUNT = AccountConfig(
    account_id=1, owner_id=7, exchange="simulated", stream_clock=False, mode="live", quote_asset="USDT",
    maker_fee_bps=Decimal(10), taker_fee_bps=Decimal(10), latency_ms=0,
)  # fmt: skip


def notices(told: list[Any]) -> VenueNotices:
    async def halt(bot: Any, reason: str) -> None:
        told.append(("halt", reason))

    return VenueNotices(ACCOUNT, None, bots={}, say=lambda user, kind, data: told.append((user, data)), halt=halt)


def test_an_unknown_order_is_told_once_with_what_is_missing():
    told: list[Any] = []
    speaking = notices(told)
    followed = Followed(an_order(), state=OrderState.UNKNOWN, since_ms=SIGNED_MS)
    followed.lacks = ("the private stream was not in step",)
    for age_s in (60, 61, 62):
        speaking.unclear(followed, age_s)
    assert [user for user, _ in told] == [7]
    data = told[0][1]
    assert (data["code"], data["level"], data["bot_id"]) == ("order_unknown", "error", 1)
    assert "not known for 60 s" in data["text"]
    assert "the private stream was not in step" in data["text"]


async def test_a_difference_is_told_once_until_it_is_gone():
    told: list[Any] = []
    speaking = notices(told)
    for problem in ("USDT by +5", "USDT by +5", "", "USDT by +5"):
        await speaking.reconciled(Reconciled(opened=True, problem=problem))
    assert [data["code"] for _, data in told] == ["venue_differs", "venue_differs"]


async def test_money_that_came_is_told():
    told: list[Any] = []
    await notices(told).reconciled(Reconciled(opened=True, transfers={"USDT": Decimal("-250.00")}))
    assert told[0][1]["text"].startswith("250 USDT left the account")
