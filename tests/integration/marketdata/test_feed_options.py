"""What a feed process is asked to do, and whether that can be done."""

from pathlib import Path

import pytest

from marketdata.exchanges.catalog import UnknownAdapter
from marketdata.feed.options import UNUSABLE, FeedOptions, make_plan
from marketdata.followers import follower_counts
from marketdata.operations import follow

pytestmark = pytest.mark.django_db


@pytest.fixture
def bots(venue):
    """Two bots called alike, each with a symbol, and one without."""
    from bots.models import Account, Bot, User

    def make(owner: str, name: str, symbol: str) -> Bot:
        user = User.objects.create_user(owner, password="a long enough password")
        account = Account.objects.create(owner=user, name="paper", exchange=venue)
        bot = Bot.objects.create(owner=user, account=account, name=name)
        if symbol:
            follow(exchange="simulated", symbol=symbol, follower=f"bot:{bot.pk}")
        return bot

    return [make("alice", "Trend", "BTC/USDT"), make("bob", "Trend", "ETH/USDT"), make("carol", "Idle", "")]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"speed": 2.0}, "--replay only"),
        ({"replay": Path("/x"), "exchanges": ("simulated", "other")}, "name it with --exchange, once"),
        ({"replay": Path("/x")}, "name it with --exchange, once"),
        ({"replay": Path("/x"), "exchanges": ("simulated",), "speed": -1.0}, "0 (as fast as possible) or more"),
        ({"replay": Path("/x"), "exchanges": ("simulated",), "record": Path("/y")}, "exclude each other"),
        ({"replay": Path("/nowhere"), "exchanges": ("simulated",), "dry_run": True}, "no recording at /nowhere"),
        ({"replay": Path("/x"), "exchanges": ("simulated",)}, "add --dry-run"),
        ({"bots": ("Trend",), "symbols": ("BTC/USDT",)}, "exclude each other"),
        ({"duration_s": 0.0}, "more than 0 seconds"),
        ({"record": Path(__file__)}, "that is a file"),
        ({"exchanges": ("mtgox",)}, "Known exchanges: simulated"),
        ({"bots": ("Nobody",)}, "No bot has the id or name 'Nobody'"),
    ],
)
@pytest.mark.usefixtures("venue")
def test_what_cannot_be_done_is_refused_with_what_to_do(options, why):
    with pytest.raises(UNUSABLE) as refused:
        make_plan(FeedOptions(**options))
    assert why in str(refused.value)


def test_an_adapter_that_is_not_there_is_named(venue):
    venue.adapter = "mtgox"
    venue.save()
    with pytest.raises(UnknownAdapter, match="mtgox"):
        make_plan(FeedOptions(exchanges=("simulated",)))


def test_bots_are_found_by_number_and_by_name(bots):
    alice, bob, _ = bots
    by_number = make_plan(FeedOptions(bots=(str(alice.pk),)))
    assert by_number.followers == {f"bot:{alice.pk}"}
    assert [config.exchange for config in by_number.named] == ["simulated"]
    assert make_plan(FeedOptions(bots=("Trend",))).followers == {f"bot:{alice.pk}", f"bot:{bob.pk}"}


def test_only_what_these_bots_follow_is_streamed(bots, venue):
    from marketdata.feed.rows import wanted_symbols

    plan = make_plan(FeedOptions(bots=(str(bots[0].pk),)))
    assert wanted_symbols(venue.pk, plan.followers) == {"BTC/USDT"}
    assert wanted_symbols(venue.pk) == {"BTC/USDT", "ETH/USDT"}


def test_a_bot_that_follows_nothing_is_to_be_started_first(bots):
    with pytest.raises(UNUSABLE, match="start them first"):
        make_plan(FeedOptions(bots=("Idle",)))


def test_followers_are_counted_by_symbol(bots):
    follow(exchange="simulated", symbol="BTC/USDT", follower="bot:77")
    assert follower_counts() == {("simulated", "BTC/USDT"): 2, ("simulated", "ETH/USDT"): 1}


def test_only_an_ordinary_run_asks_slow_sources():
    assert FeedOptions().is_whole
    for narrowed in ({"exchanges": ("a",)}, {"symbols": ("a",)}, {"bots": ("a",)}, {"once": True}, {"dry_run": True}):
        assert not FeedOptions(**narrowed).is_whole


@pytest.mark.parametrize("address", ["localhost", "localhost:", "localhost:http", "localhost:70000"])
def test_an_address_that_is_none_is_refused(address):
    from marketdata.feed.health import BadAddress, HealthDoor

    with pytest.raises(BadAddress, match="HOST:PORT"):
        HealthDoor(address, list, dry_run=True)


async def test_a_port_that_is_taken_is_refused_by_name():
    from marketdata.feed.health import BadAddress, HealthDoor

    first = HealthDoor("127.0.0.1:0", list, dry_run=True)
    await first.open()
    try:
        with pytest.raises(BadAddress, match="Choose another port"):
            await HealthDoor(first.address, list, dry_run=True).open()
    finally:
        await first.close()
