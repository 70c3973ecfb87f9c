"""The slow sources against the simulated exchange over HTTP, with PostgreSQL and Valkey."""

import asyncio
import time
from importlib import import_module
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer
from django.apps import apps
from django.contrib.messages import get_messages
from django.db import connections
from django.urls import reverse

from marketdata.bus import BatchReader, TickPublisher, tick_group
from marketdata.events import Headline, OptionsSummary, Premium, Sentiment
from marketdata.models import Observation, SlowSource
from marketdata.observations import alatest, aload_observations
from marketdata.sources.kinds import KINDS
from marketdata.sources.memory import Memory, followed_assets
from marketdata.sources.polling import Found
from tests.integration.marketdata.cast import add_venue, afollow
from tests.integration.marketdata.slow_cast import (
    FAST,
    add_source,
    asked,
    break_answers,
    running_sources,
    series,
    start_process,
    state_of,
    until,
)
from tests.integration.marketdata.test_database_away import Database
from tests.patience import PATIENCE_S
from tests.simulator_fixture import Simulator, running_simulator

DAY_NS = 86_400_000_000_000
FIVE_MINUTES_NS = 300_000_000_000
PREMIUMS = "/fapi/v1/premiumIndex"
CHAIN = "/deribit/api/v2/public/get_book_summary_by_currency"


@pytest.fixture
def exchange(transactional_db, redis_flush, settings):
    """A simulated exchange of this test's own, because its counters and faults are looked at."""
    SlowSource.objects.all().delete()
    with running_simulator("--symbols", "BTC/USDT,ETH/USDT", "--history-days", "1") as simulator:
        settings.SIMULATOR_URL = simulator.rest_url
        yield simulator


@pytest.fixture
def venue(exchange):
    return add_venue(exchange)


@pytest.mark.slow
async def test_everything_is_stored_from_the_first_start_and_nothing_twice(venue, exchange: Simulator):
    await afollow(exchange="simulated", symbol="ETH/USDT", follower="bot:1")
    for kind in ("binance-futures", "deribit", "fear-greed", "rss"):
        await add_source(kind)
    async with running_sources():
        for name in ("binance-futures", "deribit", "fear-greed", "rss"):
            await state_of(name, "live")
        found = await until(lambda: _is_caught_up(series()), timeout_s=90)

    assert {kind for _, kind, _ in found} == set(KINDS) - {"liquidation", "headline"}
    assert {symbol for symbol, kind, _ in found if kind in ("funding", "premium", "long_short")} == {"ETH"}
    # The venue keeps 30 days of statistics in steps of five minutes; 90 days of funding are every eight hours.
    for place in (("ETH", "open_interest", "5m"), ("ETH", "long_short", "accounts"), ("ETH", "premium", "dated")):
        number, oldest, newest = found[place]
        assert newest - oldest > 29.9 * DAY_NS
        assert number == (newest - oldest) // FIVE_MINUTES_NS + 1
    assert found["ETH", "funding", ""][0] in (269, 270, 271)
    assert found["CRYPTO", "sentiment", ""][0] > 3_000
    assert found["BTC", "options_flow", ""][0] >= 1_439
    assert found["BTC", "volatility_index", ""][0] >= 719
    assert await Observation.objects.filter(kind="headline").acount() >= 30
    assert not await _duplicates()
    assert await _sources() == {"binance-futures:sim", "deribit:sim", "fear-greed:sim", "rss:sim"}

    counted = await sync_to_async(asked)(exchange.rest_url)
    before = await Observation.objects.acount()
    async with running_sources():
        await until(lambda: asked(exchange.rest_url)["requests"]["/fng/"] > counted["requests"]["/fng/"])
        await state_of("deribit", "live")
        await state_of("binance-futures", "live")
    again = await sync_to_async(asked)(exchange.rest_url)
    # A second start asks for what is new only: no more pages of the past.
    assert (
        again["requests"]["/futures/data/openInterestHist"] - counted["requests"]["/futures/data/openInterestHist"] < 10
    )
    assert not await _duplicates()
    assert await Observation.objects.acount() - before < 500
    # Half of each limit is left to others.
    assert again["most_data_requests_5m"] <= 500
    assert again["most_funding_requests_5m"] <= 250
    assert again["most_weight_1m"] <= 1_200


def _is_caught_up(found):
    wanted = [("ETH", "open_interest", "5m"), ("ETH", "premium", "dated"), ("ETH", "premium", "")]
    wanted += [("ETH", "long_short", scope) for scope in ("accounts", "top_accounts", "top_positions", "taker")]
    wanted += [
        (asset, kind, "") for asset in ("BTC", "ETH") for kind in ("options_flow", "volatility_index", "options")
    ]
    if not all(place in found for place in [*wanted, ("ETH", "funding", ""), ("CRYPTO", "sentiment", "")]):
        return None
    newest = max(newest for _, _, newest in found.values())
    return found if all(newest - found[place][2] < 3 * FIVE_MINUTES_NS for place in wanted) else None


@sync_to_async
def _sources() -> set[str]:
    return set(Observation.objects.values_list("source", flat=True))


@sync_to_async
def _duplicates() -> list[tuple[object, ...]]:
    """Pairs that differ in what the unique constraint does not see: the same title at another time."""
    titles = Observation.objects.filter(kind="headline").values_list("symbol", "key")
    return [title for title in set(titles) if list(titles).count(title) > 1]


async def test_what_is_found_is_heard_and_kept_in_the_cache(venue, exchange: Simulator):
    await afollow(exchange="simulated", symbol="BTC/USDT", follower="bot:1")
    layer = get_channel_layer()
    channel = await layer.new_channel()
    await layer.group_add(tick_group("observations", "BTC"), channel)
    reader, heard = BatchReader(), dict[str, Any]()
    await add_source("binance-futures")
    await add_source("deribit")
    async with running_sources():
        async with asyncio.timeout(PATIENCE_S):
            while {"premium", "options", "options_flow", "open_interest", "volatility_index"} - set(heard):
                read = reader.read((await layer.receive(channel))["payload"])
                assert read is not None
                assert read.missed == 0
                assert read.batch.exchange in ("binance-futures:sim", "deribit:sim")
                heard |= {str(event.__struct_config__.tag): event for event in read.batch.events}
        chain = heard["options"]
        assert isinstance(chain, OptionsSummary)
        assert 0.1 < chain.iv_atm_30d < 2.0
        assert chain.strikes >= 10
        assert None not in (chain.iv_7d, chain.iv_90d)
        assert min(chain.call_volume, chain.put_volume) > 0
        assert abs(heard["premium"].mark / heard["premium"].index - 1) < 0.01
        kept = await alatest("BTC", "premium")
        assert isinstance(kept, Premium)
        stored = await aload_observations("BTC", ["premium"], kept.ts_event, kept.ts_event + 1)
        assert kept in stored
        assert await alatest("BTC", "long_short", key="nobody") is None


async def test_assets_are_the_bases_of_what_is_followed(venue):
    for number, symbol in enumerate(("ETH/USDT", "BTC/USDT", "BTC/USDT:USDT", "NIFTY50", "币安人生/USDT")):
        await afollow(exchange="simulated", symbol=symbol, follower=f"bot:{number}")
    assert await followed_assets() == ["BTC", "ETH"]


async def test_nobody_follows_anything(exchange: Simulator):
    await add_source("binance-futures")
    async with running_sources():
        row = await state_of("binance-futures", "waiting", reason="nobody follows a symbol yet")
    assert "/futures/data/openInterestHist" not in (await sync_to_async(asked)(exchange.rest_url))["requests"]
    assert row.last_success_at is None


@pytest.mark.parametrize(
    ("kind", "state", "reason"),
    [
        ("429", "waiting", "waiting 1 s: rate limited"),
        ("500", "unreachable", "unreachable: "),
        ("html", "unreadable", "answer cannot be read: "),
        ("nan", "unreadable", "answer cannot be read: "),
        ("garbage", "unreadable", "answer cannot be read: "),
        ("cut", "unreadable", "answer cannot be read: "),
    ],
)
async def test_a_wrong_answer_is_told_and_got_over(exchange: Simulator, kind: str, state: str, reason: str):
    await add_source("fear-greed")
    await add_source("deribit")
    await sync_to_async(break_answers)(exchange.rest_url, CHAIN, kind)
    async with running_sources():
        row = await state_of("deribit", state, reason=f"option chain: {reason}")
        assert not await Observation.objects.filter(kind="options").aexists()
        # The others go on, and so do this source's other jobs.
        await state_of("fear-greed", "live")
        await until(lambda: Observation.objects.filter(kind="options_flow").exists())
        await sync_to_async(break_answers)(exchange.rest_url, CHAIN, kind, times=1)
        await state_of("deribit", "live")
    assert row.reason
    assert await Observation.objects.filter(kind="options").aexists()


async def test_a_source_that_fails_for_three_intervals_is_stale(exchange: Simulator):
    await add_source("deribit")
    async with running_sources():
        await state_of("deribit", "live")
        await sync_to_async(break_answers)(exchange.rest_url, CHAIN, "500")
        await state_of("deribit", "stale", reason="option chain: unreachable")


async def test_an_exchange_that_is_away_is_unreachable_and_comes_back(exchange: Simulator, settings):
    await add_source("fear-greed")
    settings.SIMULATOR_URL = "http://127.0.0.1:9"
    async with running_sources():
        await state_of("fear-greed", "unreachable", reason="127.0.0.1:9")
        settings.SIMULATOR_URL = exchange.rest_url
        await state_of("fear-greed", "live")
    latest = await alatest("CRYPTO", "sentiment")
    assert isinstance(latest, Sentiment)


async def test_simulated_numbers_never_mix_with_real_ones(exchange: Simulator):
    source = await add_source("fear-greed")
    async with running_sources():
        await state_of("fear-greed", "live")
    assert await aload_observations("CRYPTO", ["sentiment"], 0, 2**62)
    source.environment = "live"
    await source.asave()
    assert await aload_observations("CRYPTO", ["sentiment"], 0, 2**62) == []
    assert await alatest("CRYPTO", "sentiment") is None


async def test_headlines_of_an_inner_address_are_refused(exchange: Simulator):
    await SlowSource.objects.acreate(
        name="inner", kind="rss", environment="live", url=f"{exchange.rest_url}/rss".replace("127.0.0.1", "localhost")
    )
    await SlowSource.objects.acreate(name="inner-80", kind="rss", environment="live", url="http://localhost/rss")
    async with running_sources():
        await state_of("inner", "refused", reason="use http or https on its usual port")
        await state_of("inner-80", "refused", reason="which is not public")
    assert "/rss" not in (await sync_to_async(asked)(exchange.rest_url))["requests"]


async def test_headlines_are_kept_once(exchange: Simulator):
    await add_source("rss", "one")
    await add_source("rss", "two")
    async with running_sources():
        await state_of("one", "live")
        await state_of("two", "live")
        before = await Observation.objects.acount()
        counted = (await sync_to_async(asked)(exchange.rest_url))["requests"]["/rss"]
        await until(lambda: asked(exchange.rest_url)["requests"]["/rss"] >= counted + 2)
        assert await Observation.objects.acount() == before
    titles = await aload_observations("BTC", ["headline"], 0, 2**62)
    assert all(isinstance(event, Headline) and "Bitcoin" in event.title for event in titles)


async def test_a_dry_run_writes_nothing(exchange: Simulator):
    await add_source("deribit")
    async with running_sources(dry_run=True):
        await until(lambda: asked(exchange.rest_url)["requests"].get(CHAIN, 0) >= 6)
    assert not await Observation.objects.aexists()
    row = await SlowSource.objects.aget()
    assert (row.holder, row.state) == ("", "waiting")


async def test_a_disabled_source_stops_and_gives_its_lease_back(exchange: Simulator):
    source = await add_source("fear-greed")
    async with running_sources():
        row = await state_of("fear-greed", "live")
        assert row.holder
        await SlowSource.objects.filter(pk=source.pk).aupdate(enabled=False)
        await until(lambda: SlowSource.objects.get().holder == "")


async def test_one_process_asks_and_another_takes_over_when_it_is_killed(exchange: Simulator):
    source = await add_source("deribit")
    first = await sync_to_async(start_process)(exchange.rest_url)
    try:
        holder = (await state_of("deribit", "live")).holder
        assert holder.split(":")[1] == str(first.pid)
        async with running_sources():
            counted = (await sync_to_async(asked)(exchange.rest_url))["requests"][CHAIN]
            await until(lambda: asked(exchange.rest_url)["requests"][CHAIN] >= counted + 4)
            await source.arefresh_from_db()
            # Two of them, one asks.
            assert source.holder == holder
            assert await sync_to_async(first.poll)() is None
            await sync_to_async(first.kill)()
            await until(lambda: SlowSource.objects.get().holder not in ("", holder))
            await until(lambda: Observation.objects.filter(kind="options").exists())
            await state_of("deribit", "live")
    finally:
        first.kill()
        first.wait(10)


async def test_a_process_that_lost_its_lease_stands_by(exchange: Simulator):
    source = await add_source("fear-greed")
    async with running_sources():
        await state_of("fear-greed", "live")
        await SlowSource.objects.filter(pk=source.pk).aupdate(holder="another:1:x")
        # It comes back when the other one's lease has run out.
        await until(
            lambda: SlowSource.objects.get().holder != "another:1:x", timeout_s=FAST.lease_ttl.seconds + PATIENCE_S
        )


@pytest.mark.usefixtures("transactional_db")
def test_the_default_rows_are_simulated_and_complete():
    """What `make run` begins with, as the migration makes it."""
    SlowSource.objects.all().delete()
    import_module("marketdata.migrations.0003_slow_sources").add_sources(apps, None)
    enabled = dict(SlowSource.objects.filter(enabled=True).values_list("name", "environment"))
    assert enabled == dict.fromkeys(("binance-futures", "deribit", "fear-greed", "headlines"), "simulated")
    assert SlowSource.objects.filter(kind="rss", environment="live", enabled=False).count() >= 3


def test_asking_once_from_the_admin(exchange: Simulator, admin_client):
    sources = [
        SlowSource.objects.create(name=kind, kind=kind, environment="simulated")
        for kind in ("binance-futures", "deribit", "fear-greed", "rss")
    ]
    break_answers(exchange.rest_url, CHAIN, "html")
    answer = admin_client.post(
        reverse("admin:marketdata_slowsource_changelist"),
        {"action": "ask_now", "_selected_action": [source.pk for source in sources]},
        follow=True,
    )
    told = [str(message) for message in get_messages(answer.wsgi_request)]
    assert any(text.startswith("binance-futures, statistics: ") and text.endswith("observations.") for text in told)
    assert any(text.startswith("rss, headlines: ") for text in told)
    (chain,) = [text for text in told if text.startswith("deribit, option chain")]
    assert "<html>" in chain
    assert b"<html><body>Request blocked" not in answer.content
    assert not Observation.objects.exists()
    assert admin_client.get(reverse("admin:marketdata_slowsource_change", args=[sources[0].pk])).status_code == 200
    assert admin_client.get(reverse("admin:marketdata_observation_changelist")).status_code == 200


@pytest.fixture
def database(exchange):
    found = Database()
    yield found
    found.give_back()
    connections.close_all()


async def test_what_is_found_while_the_database_is_away_is_stored_afterwards(exchange: Simulator, database: Database):
    await add_source("deribit")
    async with running_sources():
        await state_of("deribit", "live")
        try:
            await sync_to_async(database.take_away)()
            begin_ns = time.time_ns()
            counted = asked(exchange.rest_url)["requests"][CHAIN]
            await until(lambda: asked(exchange.rest_url)["requests"][CHAIN] >= counted + 6)
            end_ns = time.time_ns()
        finally:
            await sync_to_async(database.give_back)()
        kept = Observation.objects.filter(kind="options", ts_init__gt=begin_ns, ts_init__lt=end_ns)
        assert await until(lambda: kept.count() >= 4)
        await state_of("deribit", "live")


async def test_a_row_that_the_database_refuses_holds_up_nothing(transactional_db, redis_flush):
    memory = Memory("x", TickPublisher(exchange="x", epoch=1, now_ns=time.time_ns))

    def sentiment(symbol: str, at_ns: int) -> Sentiment:
        return Sentiment(exchange="x", symbol=symbol, index=50.0, ts_event=at_ns, ts_init=at_ns)

    for number, symbol in enumerate(("CRYPTO", "C" * 41, "CRYPTO"), 1):
        await memory.take(Found(events=[sentiment(symbol, number)]), told_for_ns=0, now_ns=number)
    times = Observation.objects.values_list("ts_event", flat=True)
    assert await until(lambda: sorted(times.all()) == [1, 3])
