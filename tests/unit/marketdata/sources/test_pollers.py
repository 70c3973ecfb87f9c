"""What the pollers ask for, against a real server on loopback that answers as this test says."""

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import httpx
import pytest
from aiohttp import web

from marketdata.exchanges.adapter import RateLimited, VenueRejected
from marketdata.sources.answers import MalformedAnswer
from marketdata.sources.binance_futures.poller import KEPT_NS, PERIOD_NS, BinanceFutures
from marketdata.sources.deribit.poller import Deribit
from marketdata.sources.keys import observation_key
from marketdata.sources.kinds import kind_of
from marketdata.sources.polling import Found, NothingToDo, Surroundings

NOW_NS = 1_750_000_057_000_000_000
NOW_MS = NOW_NS // 1_000_000
STEP_MS = PERIOD_NS // 1_000_000

Answer = Callable[[Mapping[str, str]], Any]


class Venue:
    """Answers by path; keeps what was asked, and what a poller found as if it were stored."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.asked: dict[str, list[dict[str, str]]] = defaultdict(list)
        self.stored: dict[tuple[str, str, str], list[int]] = defaultdict(list)
        self.assets = ["BTC"]
        self.url = ""
        self.now_ns = NOW_NS

    async def handle(self, request: web.Request) -> web.Response:
        self.asked[request.path].append(dict(request.query))
        answer = self.answers[request.path](request.query)
        return answer if isinstance(answer, web.Response) else web.json_response(answer)

    def newest(self, symbol: str, kind: str, key: str) -> int:
        return max(self.stored[symbol, kind, key], default=0)

    def keep(self, found: Found) -> None:
        for event in found.events:
            self.stored[event.symbol, kind_of(event), observation_key(event, found.key)].append(event.ts_event)

    def around(self, client: httpx.AsyncClient) -> Surroundings:
        async def assets() -> list[str]:
            return self.assets

        async def seen(keys: Any, since_ns: int) -> dict[str, Any]:
            return {}

        return Surroundings(
            source="here", url=self.url, trusted_origin="", client=client, now_ns=lambda: self.now_ns,
            newest=self.newest, assets=assets, seen=seen,
        )  # fmt: skip


@asynccontextmanager
async def polling(venue: Venue, make: Callable[[Surroundings], Any]) -> AsyncIterator[Callable[[str], Any]]:
    """Gives a function that does one job of a poller to its end."""
    application = web.Application()
    application.add_routes([web.get("/{path:.*}", venue.handle)])
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    venue.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        async with httpx.AsyncClient() as client:
            jobs = {job.name: job for job in make(venue.around(client)).jobs()}

            async def work(name: str) -> list[Found]:
                found = []
                async for one in jobs[name].work():
                    venue.keep(one)
                    found.append(one)
                return found

            yield work
    finally:
        await runner.cleanup()


def premium(symbol: str, **fields: Any) -> dict[str, Any]:
    return {"symbol": symbol, "markPrice": "101", "indexPrice": "100", "time": NOW_MS} | fields


@pytest.fixture
def futures() -> Venue:
    """Every series of statistics is there in full."""
    venue = Venue()

    def rows(query: Mapping[str, str]) -> list[dict[str, Any]]:
        begin, end = int(query["startTime"]), int(query["endTime"])
        assert end - begin <= 499 * STEP_MS
        assert begin >= NOW_MS - 30 * 86_400_000
        return [
            {"timestamp": at, "sumOpenInterest": "5", "longShortRatio": "2", "buySellRatio": "1",
             "indexPrice": "1", "futuresPrice": "1"}
            for at in range(-(-begin // STEP_MS) * STEP_MS, end + 1, STEP_MS)
        ]  # fmt: skip

    venue.answers["/fapi/v1/premiumIndex"] = lambda query: [premium("BTCUSDT"), premium("SOLUSDT")]
    for path in (
        "openInterestHist", "globalLongShortAccountRatio", "topLongShortPositionRatio", "topLongShortAccountRatio",
        "takerlongshortRatio", "basis",
    ):  # fmt: skip
        venue.answers[f"/futures/data/{path}"] = rows
    return venue


def whole(times: list[int]) -> bool:
    """Whether nothing is missing or double."""
    return [later - earlier for earlier, later in pairwise(times)] == [PERIOD_NS] * (len(times) - 1)


async def test_history_goes_forward_page_by_page_and_is_then_followed(futures: Venue, monkeypatch):
    monkeypatch.setattr("marketdata.sources.budget.TokenBucket.missing_s", lambda *args, **kwargs: 0.0)
    async with polling(futures, BinanceFutures) as work:
        assert await work("statistics") == []
        found = await work("history")
        assert all(one.is_history for one in found)
        times = futures.stored["BTC", "open_interest", "5m"]
        assert whole(times)
        assert NOW_NS - KEPT_NS <= times[0] < NOW_NS - KEPT_NS + PERIOD_NS
        assert NOW_NS - times[-1] < PERIOD_NS
        assert len(futures.asked["/futures/data/openInterestHist"]) == 18
        assert {key for _, _, key in futures.stored} == {
            "5m", "accounts", "top_positions", "top_accounts", "taker", "dated",
        }  # fmt: skip
        assert await work("history") == []
        futures.now_ns += 2 * PERIOD_NS
        (one, *_) = await work("statistics")
        assert (len(one.events), one.is_history) == (2, False)
        assert whole(futures.stored["BTC", "open_interest", "5m"])


async def test_a_hole_of_the_venue_is_passed(futures: Venue, monkeypatch):
    monkeypatch.setattr("marketdata.sources.budget.TokenBucket.missing_s", lambda *args, **kwargs: 0.0)
    full = futures.answers["/futures/data/openInterestHist"]
    hole = range(NOW_MS - 20 * 86_400_000, NOW_MS - 10 * 86_400_000)
    futures.answers["/futures/data/openInterestHist"] = lambda query: [
        row for row in full(query) if row["timestamp"] not in hole
    ]
    async with polling(futures, BinanceFutures) as work:
        await work("history")
    times = futures.stored["BTC", "open_interest", "5m"]
    assert NOW_NS - times[-1] < PERIOD_NS
    assert len(times) == pytest.approx(20 * 288, abs=10)


async def test_a_symbol_that_is_refused_does_not_hold_up_the_others(futures: Venue, monkeypatch):
    monkeypatch.setattr("marketdata.sources.budget.TokenBucket.missing_s", lambda *args, **kwargs: 0.0)
    futures.assets = ["BTC", "NONE", "SOL"]
    full = futures.answers["/futures/data/openInterestHist"]
    refusal = web.json_response({"code": -1121, "msg": "Invalid symbol."}, status=400).body
    futures.answers["/futures/data/openInterestHist"] = lambda query: (
        web.Response(body=refusal, status=400) if query["symbol"] == "BTCUSDT" else full(query)
    )
    async with polling(futures, BinanceFutures) as work:
        with pytest.raises(VenueRejected, match="-1121"):
            await work("history")
    assert whole(futures.stored["SOL", "open_interest", "5m"])
    assert whole(futures.stored["BTC", "long_short", "taker"])
    # Only Bitcoin and Ether have futures that end with a quarter.
    assert not futures.stored["SOL", "premium", "dated"]


async def test_one_wrong_price_does_not_hold_up_the_others(futures: Venue):
    futures.assets = ["BTC", "SOL"]
    futures.answers["/fapi/v1/premiumIndex"] = lambda query: [premium("BTCUSDT", markPrice="NaN"), premium("SOLUSDT")]
    async with polling(futures, BinanceFutures) as work:
        with pytest.raises(MalformedAnswer, match="BTCUSDT: markPrice"):
            await work("premium")
    assert {symbol for symbol, _, _ in futures.stored} == {"SOL"}


async def test_funding_of_ninety_days_in_hours(futures: Venue):
    hour_ms = 3_600_000

    def rows(query: Mapping[str, str]) -> list[dict[str, Any]]:
        begin, end = -(-int(query["startTime"]) // hour_ms), int(query["endTime"]) // hour_ms
        assert end - begin < 1_000
        return [{"fundingRate": "0.0001", "fundingTime": hour * hour_ms} for hour in range(begin, end + 1)]

    futures.answers |= {"/fapi/v1/fundingRate": rows, "/fapi/v1/fundingInfo": lambda query: []}
    async with polling(futures, BinanceFutures) as work:
        found = await work("funding")
        assert [one.is_history for one in found] == [True, True, False]
        assert len(futures.stored["BTC", "funding", ""]) == 90 * 24
        assert len(set(futures.stored["BTC", "funding", ""])) == 90 * 24
        assert {event.interval_h for one in found for event in one.events[1:]} == {1.0}
        assert await work("funding") == [Found(events=[])]


async def test_nobody_follows_and_nothing_is_listed(futures: Venue):
    async with polling(futures, BinanceFutures) as work:
        futures.assets = []
        with pytest.raises(NothingToDo, match="nobody follows"):
            await work("premium")
        assert not futures.asked
        futures.assets = ["NONE"]
        with pytest.raises(NothingToDo, match="no perpetual is listed for NONE"):
            await work("premium")


async def test_prints_of_options_are_fetched_in_pages():
    venue = Venue()
    minute_ms = 60_000
    trades: list[dict[str, Any]] = [
        {"instrument_name": "BTC-25JUL25-60000-C", "timestamp": NOW_MS - 300_000 + n * 40, "direction": "buy",
         "amount": 1.0, "index_price": 60_000.0, "iv": 50.0, "trade_id": str(n)}
        for n in range(5_000)
    ]  # fmt: skip

    def last_trades(query: Mapping[str, str]) -> dict[str, Any]:
        begin, end = int(query["start_timestamp"]), int(query["end_timestamp"])
        found = [trade for trade in trades if begin <= trade["timestamp"] <= end and query["currency"] == "BTC"]
        return {"result": {"trades": found[: int(query["count"])], "has_more": len(found) > int(query["count"])}}

    venue.answers["/public/get_last_trades_by_currency_and_time"] = last_trades
    venue.stored["BTC", "options_flow", ""] = [NOW_NS - 420_000_000_000]
    venue.stored["ETH", "options_flow", ""] = [NOW_NS - 120_000_000_000]
    async with polling(venue, Deribit) as work:
        found = await work("options flow")
    flows = [event for one in found for event in one.events if event.symbol == "BTC"]
    complete = [trade for trade in trades if trade["timestamp"] < NOW_MS // minute_ms * minute_ms]
    assert sum(event.trades for event in flows) == len(complete)
    times = [event.ts_event for event in flows]
    assert times == list(range(times[0], times[-1] + 1, 60_000_000_000))
    assert NOW_NS - times[-1] < 60_000_000_000


async def test_deribit_says_too_many_requests_with_a_refusal():
    venue = Venue()
    body = b'{"jsonrpc":"2.0","error":{"code":10028,"message":"too_many_requests"}}'
    venue.answers["/public/get_book_summary_by_currency"] = lambda query: web.Response(status=400, body=body)
    async with polling(venue, Deribit) as work:
        with pytest.raises(RateLimited, match="too_many_requests"):
            await work("option chain")
