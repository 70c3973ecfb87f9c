"""Orders to a venue: from place() until the venue has the request, beside a bare ccxt create_order, in the same run.

The venue is a small server in a process of its own which notes when each request came; the rate budget is in a Valkey.
"""

import asyncio
import gc
import json
import os
import subprocess
import sys
import tempfile
import time
import uuid
from decimal import Decimal
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.benchmarks.rows import Row, percentile

ROUNDS = 400
WARM_UP = 40
ACCOUNTS = 20
ORDERS_EACH = 25
RATE = 100.0
EXTRA_P50_MS = 3.0
EXTRA_P99_MS = 20.0


def run() -> dict[str, Row]:
    measured = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.brokers"], capture_output=True, text=True, check=True, timeout=300
    )
    found: dict[str, Any] = json.loads(measured.stdout.splitlines()[-1])
    rows = {}
    for q, extra in ((50, EXTRA_P50_MS), (99, EXTRA_P99_MS)):
        floor = percentile(found["bare"], q)
        rows[f"order.place_to_wire_p{q}"] = Row(
            value=percentile(found["ours"], q), unit="ms", floor=floor, budget=floor + extra
        )
    rows[f"order.placed_over_{ACCOUNTS}_accounts"] = Row(
        value=found["rate"], unit="orders/s", floor=RATE, budget=RATE, higher_is_better=True
    )
    rows["order.place_cpu"] = Row(
        value=found["ours_cpu_ms"], unit="ms", floor=found["bare_cpu_ms"], budget=found["bare_cpu_ms"] + EXTRA_P50_MS
    )
    return rows


def main() -> None:
    from tradingsite.servers import EmbeddedServers

    with tempfile.TemporaryDirectory(prefix="tradingsite-bench-") as folder:
        servers = EmbeddedServers(local_dir=Path(folder), postgres=False)
        servers.start()
        venue = subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.brokers", "venue"], stdout=subprocess.PIPE, text=True
        )
        try:
            os.environ |= {
                "DJANGO_SETTINGS_MODULE": "tradingsite.settings",
                "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none",
                "REDIS_URL": servers.redis_url,
                "LOCAL_DIR": folder,
                "LOG_FILES": "false",
                "LOG_LEVEL": "ERROR",
            }
            assert venue.stdout is not None
            print(json.dumps(measure(venue.stdout.readline().strip())))
        finally:
            venue.terminate()
            venue.wait(timeout=30)
            servers.stop()


def measure(url: str) -> dict[str, Any]:
    import uvloop

    return uvloop.run(_measure(url))


async def _measure(url: str) -> dict[str, Any]:
    import ccxt.async_support as ccxt

    from bots.brokers.ccxt.connect import connect

    venue = await connect(_account(url, 1))
    bare = ccxt.binance({"apiKey": "key", "secret": "secret", "enableRateLimit": False})
    bare.urls["api"]["public"] = bare.urls["api"]["private"] = f"{url}/api/v3"
    bare.set_markets_from_exchange(venue._exchange)  # type: ignore[attr-defined]
    samples: dict[str, list[float]] = {"ours": [], "bare": []}
    spent_s = {"ours": 0.0, "bare": 0.0}
    gc.collect()
    gc.freeze()
    for number in range(ROUNDS + WARM_UP):
        order = _order(await venue.venue_time_ns() // 1_000_000)
        for name in ("ours", "bare"):
            cpu_s = time.process_time()
            begun_ns = time.monotonic_ns()
            if name == "ours":
                answer = await venue.place(order)
                assert answer.order is not None, answer
                raw = answer.raw
            else:
                params = {"timeInForce": "IOC", "newClientOrderId": uuid.uuid4().hex}
                raw = (await bare.create_order("BTC/USDT", "limit", "buy", 0.01, 60000.1, params))["info"]
            if number >= WARM_UP:
                spent_s[name] += time.process_time() - cpu_s
                samples[name].append((int(raw["arrivedNs"]) - begun_ns) / 1e6)
    await bare.close()
    await venue.close()
    milliseconds = {f"{name}_cpu_ms": spent / ROUNDS * 1e3 for name, spent in spent_s.items()}
    return {**samples, **milliseconds, "rate": await _rate(url)}


async def _rate(url: str) -> float:
    from bots.brokers.ccxt.connect import connect

    venues = await asyncio.gather(*(connect(_account(url, number)) for number in range(2, ACCOUNTS + 2)))

    async def trade(venue: Any) -> None:
        for _ in range(ORDERS_EACH):
            answer = await venue.place(_order(await venue.venue_time_ns() // 1_000_000))
            assert answer.order is not None, answer

    begun_s = time.monotonic()
    await asyncio.gather(*(trade(venue) for venue in venues))
    rate = ACCOUNTS * ORDERS_EACH / (time.monotonic() - begun_s)
    await asyncio.gather(*(venue.close() for venue in venues))
    return rate


def _account(url: str, number: int) -> Any:
    from bots.brokers.account import VenueAccount
    from bots.brokers.limits import Counts, Limit, Scope

    # Counted as they are for Binance, and wide enough to be hit by none of these.
    limits = (
        Limit(name="weight", window_s=60, capacity=1e6),
        Limit(name="orders", window_s=10, capacity=1e6, scope=Scope.ACCOUNT, counts=Counts.ORDERS),
        Limit(name="orders_day", window_s=86_400, capacity=1e6, scope=Scope.ACCOUNT, counts=Counts.ORDERS),
    )
    return VenueAccount(
        account_id=number,
        exchange="bench",
        adapter="binance",
        mode="sandbox",
        rest_url=url,
        api_key=f"key-{number}",
        secret="secret",
        limits=limits,
    )


def _order(now_ms: int) -> Any:
    from tests.integration.brokers.cast import submitted

    return submitted(limit_price=Decimal("60000.10"), now_ms=now_ms, window_ms=10_000)


# The venue's side


def serve() -> None:
    """Answer as Binance does, with the time of arrival in each answer."""

    async def place(request: web.Request) -> web.Response:
        arrived_ns = time.monotonic_ns()
        given = await request.post()
        filled = {"price": "60000.10", "qty": "0.01", "commission": "0.00001", "commissionAsset": "BTC", "tradeId": 1}
        return web.json_response(
            {
                "symbol": "BTCUSDT", "orderId": 1, "orderListId": -1, "clientOrderId": given["newClientOrderId"],
                "transactTime": 1, "price": "60000.10", "origQty": "0.01", "executedQty": "0.01",
                "cummulativeQuoteQty": "600.001", "status": "FILLED", "timeInForce": "IOC", "type": "LIMIT",
                "side": "BUY", "fills": [filled], "arrivedNs": arrived_ns,
            }
        )  # fmt: skip

    async def now(request: web.Request) -> web.Response:
        return web.json_response({"serverTime": time.time_ns() // 1_000_000})

    async def listing(request: web.Request) -> web.Response:
        filters = [
            {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "1000000", "tickSize": "0.01"},
            {"filterType": "LOT_SIZE", "minQty": "0.00001", "maxQty": "9000", "stepSize": "0.00001"},
        ]
        symbol = {
            "symbol": "BTCUSDT", "status": "TRADING", "baseAsset": "BTC", "quoteAsset": "USDT", "filters": filters,
            "orderTypes": ["LIMIT", "MARKET", "LIMIT_MAKER"], "isSpotTradingAllowed": True, "permissions": ["SPOT"],
        }  # fmt: skip
        return web.json_response({"symbols": [symbol]})

    async def start() -> None:
        app = web.Application()
        app.router.add_post("/api/v3/order", place)
        app.router.add_get("/api/v3/time", now)
        app.router.add_get("/api/v3/exchangeInfo", listing)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        print(f"http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
        await asyncio.Event().wait()

    asyncio.run(start())


if __name__ == "__main__":
    serve() if sys.argv[1:] == ["venue"] else main()
