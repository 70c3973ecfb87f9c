"""`manage.py backfill` as a process, over real HTTP, into PostgreSQL."""

import asyncio
import json
import os
import signal
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from asgiref.sync import sync_to_async
from django.db import connection

from marketdata.aggregate import aggregate
from marketdata.backfill.display import Display
from marketdata.backfill.run import Request, run_backfill
from marketdata.backfill.spans import Span
from marketdata.backfill.work import Backfill, Job, Outcome, Patience
from marketdata.exchanges.adapter import UnsupportedTimeframe
from marketdata.exchanges.catalog import get_adapter
from marketdata.history import load_bars
from marketdata.models import BarRow, Exchange, Instrument
from marketdata.store.reader import read_bars
from tests.integration.marketdata.cast import switch_fault
from tests.integration.marketdata.proxy import proxy_before
from tests.patience import PATIENCE_S

ROOT = Path(__file__).resolve().parents[3]
MINUTE_NS = 60_000_000_000
# Whole bars of every timeframe up to four hours, within the two days that the venue has.
BEGIN_NS = (time.time_ns() // (4 * 60 * MINUTE_NS) - 10) * 4 * 60 * MINUTE_NS


def at(minutes: int) -> str:
    return datetime.fromtimestamp((BEGIN_NS + minutes * MINUTE_NS) // 10**9, tz=UTC).strftime("%Y-%m-%dT%H:%M")


def said(minutes: int) -> str:
    return at(minutes).replace("T", " ")


@dataclass(kw_only=True)
class Run:
    code: int
    lines: list[dict[str, Any]]
    errors: str

    def of(self, event: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["event"] == event]


async def start(*arguments: str) -> asyncio.subprocess.Process:
    url = os.environ["DATABASE_URL"].rsplit("/", 1)[0] + f"/{connection.settings_dict['NAME']}"
    return await asyncio.create_subprocess_exec(
        sys.executable, "manage.py", "backfill", *arguments, cwd=ROOT, env=os.environ | {"DATABASE_URL": url},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


async def finish(process: asyncio.subprocess.Process) -> Run:
    async with asyncio.timeout(PATIENCE_S):
        out, errors = await process.communicate()
    return Run(
        code=process.returncode or 0, lines=[json.loads(line) for line in out.splitlines()], errors=errors.decode()
    )


async def backfill(minutes: int, *arguments: str, symbol: str = "BTC/USDT", start_at: int = 0) -> Run:
    return await finish(
        await start("simulated", symbol, "--from", at(start_at), "--to", at(start_at + minutes), *arguments)
    )


def opens(timeframe: str = "1m", symbol: str = "BTC/USDT") -> list[int]:
    rows = BarRow.objects.filter(instrument__symbol=symbol, timeframe=timeframe).order_by("ts_open")
    return [(ts_open - BEGIN_NS) // MINUTE_NS for ts_open in rows.values_list("ts_open", flat=True)]


aopens = sync_to_async(opens)


def point_at(url: str) -> None:
    Exchange.objects.filter(code="simulated").update(rest_url=url)


def make_instrument() -> Instrument:
    return Instrument.objects.create(
        exchange=Exchange.objects.get(code="simulated"), symbol="BTC/USDT", venue_symbol="BTCUSDT", base="BTC",
        quote="USDT", tick_size="0.01", lot_size="0.00001", min_quantity="0.00001", max_quantity="9000",
        min_notional="5",
    )  # fmt: skip


apoint_at = sync_to_async(point_at)


@sync_to_async
def forget(*minutes: int) -> None:
    times = [BEGIN_NS + minute * MINUTE_NS for minute in minutes]
    BarRow.objects.filter(timeframe="1m", ts_open__in=times).delete()


@pytest.mark.usefixtures("venue")
async def test_fresh_then_complete_then_a_gap(market):
    async with proxy_before(market.rest_url) as proxy:
        await apoint_at(proxy.url)
        fresh = await backfill(1500, "--json")
        assert fresh.code == 0, fresh.errors
        assert await aopens() == list(range(1500))
        assert (fresh.of("plan")[0]["missing"], fresh.of("finished")[0]["stored"]) == (1500, 1500)
        assert sum(line["bars"] for line in fresh.of("progress")) == 1500
        assert fresh.lines[-1]["event"] == "done"
        assert proxy.pages == 2
        proxy.requests.clear()
        again = await backfill(1500)
        assert (again.code, again.of("plan")[0]["missing"]) == (0, 0)
        assert proxy.requests == {}
        await forget(700, 701, 702, 1200)
        only = await backfill(1500, "--gaps")
        assert [(line["from"], line["to"], line["bars"]) for line in only.of("gap")] == [
            (said(700), said(703), 3), (said(1200), said(1201), 1),
        ]  # fmt: skip
        assert proxy.requests == {}
        assert len(await aopens()) == 1496
        filled = await backfill(1500)
        assert filled.of("finished")[0]["stored"] == 4
        assert await aopens() == list(range(1500))
        assert proxy.pages == 4


@pytest.mark.usefixtures("venue")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
async def test_what_was_stored_stays_and_the_next_run_goes_on(market, number):
    async with proxy_before(market.rest_url) as proxy:
        await apoint_at(proxy.url)
        proxy.hold_after = 1
        process = await start("simulated", "BTC/USDT", "--from", at(0), "--to", at(2200))
        async with asyncio.timeout(PATIENCE_S):
            await proxy.is_holding.wait()
        process.send_signal(number)
        stopped = await finish(process)
        if number == signal.SIGKILL:
            assert stopped.code == -signal.SIGKILL
        else:
            assert stopped.code == 128 + number
            message = stopped.of("stopped")[0]["message"]
            assert (
                f"1,000 bars stored, 0 not to be had, 0 refused; 0 of 1 finished, BTC/USDT 1m until {said(1000)}"
                in message
            )
            assert "run the command again" in message
            assert "Traceback" not in stopped.errors
        assert await aopens() == list(range(1000))
        proxy.hold_after = 10**9
        rest = await backfill(2200)
        assert (rest.of("plan")[0]["missing"], rest.of("finished")[0]["stored"]) == (1200, 1200)
        assert await aopens() == list(range(2200))


@pytest.mark.usefixtures("venue")
async def test_what_the_venue_has_not_is_named_and_nothing_put_in_its_place(market):
    hidden = {(BEGIN_NS + minute * MINUTE_NS) // 10**6 for minute in (12, 13, 14, 59)}
    async with proxy_before(market.rest_url) as proxy:
        await apoint_at(proxy.url)
        proxy.change = lambda rows: [row for row in rows if row[0] not in hidden]
        run = await backfill(60)
        assert run.code == 0
        assert [(line["message"], line["bars"]) for line in run.of("hole")] == [
            (f"the venue has no bars {said(12)}\N{EN DASH}{said(15)[11:]} (3)", 3),
            (f"the venue has no bars {said(59)}\N{EN DASH}{said(60)[11:] if said(60)[:10] == said(59)[:10] else said(60)} (1)", 1),
        ]  # fmt: skip
        assert await aopens() == [minute for minute in range(60) if minute not in (12, 13, 14, 59)]
        assert (run.of("finished")[0]["stored"], run.of("finished")[0]["missing"]) == (56, 4)
        # Longer bars come from the venue, and are whole there.
        proxy.change = lambda rows: rows
        assert (await backfill(60)).of("finished")[0]["stored"] == 4


@pytest.mark.usefixtures("venue")
async def test_bars_that_cannot_be_are_refused_and_named(market):
    def spoil(rows: list[Any]) -> list[Any]:
        if len(rows) > 9:
            rows[3][2] = "0.01"
            rows[5][3] = "0"
            rows[7] = rows[6]
        return rows

    async with proxy_before(market.rest_url) as proxy:
        await apoint_at(proxy.url)
        proxy.change = spoil
        run = await backfill(30)
        assert [(line["reason"], line["message"].split(": ")[0]) for line in run.of("refused")] == [
            ("high is below low", f"refused the bar of {said(3)}"),
            ("a price is zero or negative", f"refused the bar of {said(5)}"),
            ("sent twice", f"refused the bar of {said(6)}"),
        ]
        assert [line["message"] for line in run.of("hole")] == [
            f"the venue has no bars {said(7)}\N{EN DASH}{said(8)[11:]} (1)"
        ]
        assert await aopens() == [minute for minute in range(30) if minute not in (3, 5, 7)]
        assert run.of("finished")[0]["refused"] == 3


@pytest.mark.usefixtures("venue")
async def test_the_venues_limit_is_waited_for_and_its_errors_are_retried(market):
    switch_fault(market, "too_many_requests", milliseconds=1000)
    async with proxy_before(market.rest_url) as proxy:
        await apoint_at(proxy.url)
        proxy.fail_next = 1
        run = await backfill(100)
    assert run.code == 0, run.errors
    reasons = [line["message"] for line in run.of("waiting")]
    assert any("limits our requests" in reason for reason in reasons), reasons
    assert any("HTTP 503" in reason for reason in reasons), reasons
    assert await aopens() == list(range(100))


@pytest.mark.usefixtures("venue")
async def test_a_key_that_the_venue_refuses_is_four(market):
    async with proxy_before(market.rest_url) as proxy:
        await apoint_at(proxy.url)
        proxy.fail_next, proxy.status = 10**9, 401
        denied = await backfill(20)
    assert denied.code == 4
    assert "401" in denied.errors


def test_a_venue_that_stays_away_is_one_and_says_how_to_go_on(venue, capsys):
    # Nothing listens on the discard port.
    point_at("http://127.0.0.1:9")
    make_instrument()
    request = Request(
        exchange="simulated", symbols=("BTC/USDT",), timeframes=("1m",), start_ns=BEGIN_NS,
        end_ns=BEGIN_NS + 10 * MINUTE_NS, first_wait_s=0.01,
    )  # fmt: skip
    display = Display(as_json=True, clock_ns=time.time_ns)
    assert run_backfill(request, display=display, clock_ns=time.time_ns) == 1
    out, errors = capsys.readouterr()
    events = [json.loads(line) for line in out.splitlines()]
    assert [line["event"] for line in events] == ["plan", *["waiting"] * 5, "failed"]
    assert [line["seconds"] for line in events if line["event"] == "waiting"] == [0.01, 0.02, 0.04, 0.08, 0.16]
    assert "0 bars stored" in events[-1]["message"]
    assert "did not answer" in errors
    assert "run the command again" in errors


@pytest.mark.usefixtures("venue")
async def test_unknown_symbols_and_wrong_arguments_are_two():
    unknown = await backfill(10, symbol="BTC/USD")
    assert unknown.code == 2
    assert "simulated does not list BTC/USD: did you mean BTC/USDT" in unknown.errors
    assert (await finish(await start("simulated", "BTC/USDT", "--from", "yesterday"))).code == 2
    assert (await finish(await start("simulated", "BTC/USDT", "--from", at(0), "--to", at(-5)))).code == 2
    nowhere = await finish(await start("nowhere", "BTC/USDT", "--from", at(0)))
    assert (nowhere.code, "no exchange called 'nowhere'" in nowhere.errors) == (2, True)
    lengths = await backfill(10, "--timeframe", "7m")
    assert (lengths.code, "no timeframe 7m" in lengths.errors) == (2, True)


@pytest.mark.usefixtures("venue")
async def test_parquet_gets_what_it_lacks_bit_for_bit(tmp_path):
    assert (await backfill(300, "--timeframe", "1m,5m")).code == 0
    run = await backfill(480, "--timeframe", "1m,5m", "--parquet", str(tmp_path))
    assert [line["bars"] for line in run.of("exported")] == [480, 96]
    begin, end = BEGIN_NS, BEGIN_NS + 480 * MINUTE_NS
    for timeframe in ("1m", "5m"):
        stored = await sync_to_async(load_bars)("simulated", "BTC/USDT", timeframe, 1000)
        assert read_bars(tmp_path, "simulated", "BTC/USDT", timeframe, begin, end) == stored
    again = await backfill(480, "--timeframe", "1m,5m", "--parquet", str(tmp_path))
    assert [line["bars"] for line in again.of("exported")] == [0, 0]


class Lacking:
    """A venue that has single minutes and hours only."""

    def __init__(self, rest: Any) -> None:
        self.rest = rest
        self.asked: list[str] = []

    async def bars(self, venue_symbol, *, symbol, timeframe, limit, start_ns=None):
        self.asked.append(timeframe)
        if timeframe not in ("1m", "1h"):
            raise UnsupportedTimeframe(timeframe)
        return await self.rest.bars(venue_symbol, symbol=symbol, timeframe=timeframe, limit=limit, start_ns=start_ns)


class Quiet:
    """A Teller that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Any]] = []

    def progress(self, job, *, bars, until_ns):
        self.told.append(("progress", bars))

    def refused(self, job, refused):
        self.told.append(("refused", refused))

    def holes(self, job, holes):
        self.told.append(("holes", holes))

    def building(self, job, shorter):
        self.told.append(("building", shorter))

    def waiting(self, *, seconds, reason):
        self.told.append(("waiting", reason))


@pytest.mark.usefixtures("venue")
async def test_timeframes_that_the_venue_lacks_are_built_from_complete_sets(market):
    row = await sync_to_async(make_instrument)()
    span = Span(start_ns=BEGIN_NS, end_ns=BEGIN_NS + 480 * MINUTE_NS)
    hole_ms = (BEGIN_NS + 17 * MINUTE_NS) // 10**6
    async with proxy_before(market.rest_url) as proxy, httpx.AsyncClient(timeout=20) as client:
        proxy.change = lambda rows: [row for row in rows if row[0] != hole_ms]
        adapter = get_adapter("binance")
        rest = adapter.rest(exchange="simulated", base_url=proxy.url, client=client, clock_ns=time.time_ns)
        venue, teller = Lacking(rest), Quiet()
        work = Backfill(venue, teller=teller, patience=Patience(teller))  # type: ignore[arg-type]
        outcomes = {}
        for timeframe in ("5m", "15m", "4h"):
            job = Job(
                exchange="simulated", symbol="BTC/USDT", venue_symbol="BTCUSDT", instrument_id=row.pk,
                timeframe=timeframe, span=span,
            )  # fmt: skip
            outcomes[timeframe] = Outcome()
            await work.fill(job, outcomes[timeframe])
    minutes = await sync_to_async(load_bars)("simulated", "BTC/USDT", "1m", 1000)
    assert len(minutes) == 479
    assert await sync_to_async(load_bars)("simulated", "BTC/USDT", "5m", 1000) == aggregate(minutes, "5m")
    assert [len(outcomes[name].holes) for name in outcomes] == [1, 1, 0]
    assert outcomes["5m"].holes == [Span(start_ns=BEGIN_NS + 15 * MINUTE_NS, end_ns=BEGIN_NS + 20 * MINUTE_NS)]
    assert [outcomes[name].stored for name in outcomes] == [95, 31, 2]
    assert [outcomes[name].built_from for name in outcomes] == ["1m", "1m", "1h"]
    # What it lacks is asked for once.
    assert [venue.asked.count(name) for name in ("5m", "3m", "15m", "4h")] == [1, 1, 1, 1]
