"""What a venue lists, and how soon it is noticed that it does not any more."""

from dataclasses import replace
from decimal import Decimal

import pytest

from marketdata.exchanges.adapter import Listing, UnknownSymbol, VenueUnavailable
from marketdata.feed.rules import Rules
from tests.unit.marketdata.cast import T0
from tests.unit.marketdata.test_feed_faults import Asked, feed_of

ONE = Decimal("0.01")
BTC, ETH = (
    Listing(
        symbol=f"{base}/USDT", venue_symbol=f"{base}USDT", base=base, quote="USDT", tick_size=ONE, lot_size=ONE,
        min_quantity=ONE, max_quantity=ONE, min_notional=ONE, active=True,
    ) for base in ("BTC", "ETH")
)  # fmt: skip


@pytest.fixture
def told() -> list[tuple[str, str]]:
    return []


@pytest.fixture
def rules(told: list[tuple[str, str]]) -> Rules:
    made = Rules(note=lambda kind, message, symbol: told.append((kind, symbol)))
    made.learn([BTC, ETH], followed=["BTC/USDT"])
    return made


def test_a_followed_symbol_that_is_listed_no_more_is_told_once_and_when_it_is_back(rules, told):
    for _ in range(2):
        rules.learn([ETH], followed=["BTC/USDT"])
    assert told == [("rules_changed", "BTC/USDT")]
    assert not rules.listings["BTC/USDT"].active
    rules.learn([BTC, ETH], followed=["BTC/USDT"])
    assert told == [("rules_changed", "BTC/USDT")] * 2
    assert rules.listings["BTC/USDT"].active


def test_a_venue_that_lists_nothing_at_all_has_delisted_nothing(rules, told):
    rules.learn([], followed=["BTC/USDT"])
    assert told == []


def test_nobody_is_told_of_a_symbol_that_nobody_follows(rules, told):
    rules.learn([BTC], followed=["BTC/USDT"])
    assert told == []


def test_what_the_venue_does_not_know_is_looked_up_unless_that_is_known(rules):
    rules.doubt("never heard of")
    assert not rules.is_outdated
    rules.doubt("BTC/USDT")
    assert rules.is_outdated
    rules.learn([replace(BTC, active=False), ETH], followed=["BTC/USDT"])
    rules.doubt("BTC/USDT")
    assert not rules.is_outdated


class Refusing:
    """A venue whose REST gives no book."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def book(self, venue_symbol: str, *, symbol: str, limit: int) -> None:
        raise self._error


@pytest.mark.parametrize(
    ("error", "is_outdated"), [(UnknownSymbol("Invalid symbol."), True), (VenueUnavailable("busy"), False)]
)
async def test_the_feed_asks_again_what_is_listed_when_rest_does_not_know_a_silent_symbol(error, is_outdated):
    feed = feed_of(Refusing(error), make_source=lambda hearer: Asked(), clock_ns=lambda: T0)
    await feed.rest_work._fetch_image(feed.followed["BTC/USDT"])
    assert feed.rules.is_outdated is is_outdated
