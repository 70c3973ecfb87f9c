"""The door to slow answers: futures statistics, options, sentiment and headlines, with the venues' limits and faults.

    /fapi/v1/…  /futures/data/…   as Binance's USD-M futures have them
    /deribit/api/v2/public/…      as Deribit has them
    /fng/  /rss                   the Fear & Greed index and headlines

`GET /sim/slow` counts the requests. `POST /sim/slow` breaks the next answers:
{"path": "/fapi/v1/premiumIndex", "kind": "500", "times": 3}, of the kinds in `Break`.
"""

from collections import Counter, deque
from collections.abc import Callable, Mapping
from enum import StrEnum

import msgspec
from aiohttp import web

from marketdata.simulator.options import Options
from marketdata.simulator.path import Path
from marketdata.simulator.slow_futures import BadRequest, SlowFutures
from marketdata.simulator.slow_news import SlowNews
from marketdata.simulator.slow_options import SlowOptions
from marketdata.simulator.symbols import CATALOG

HELP = (
    "Beside its spot markets it answers what is asked rarely, as a function of the same seed and time: perpetuals under "
    "/fapi/v1 and /futures/data (open interest, funding, ratios), options of BTC and ETH under /deribit/api/v2, the "
    "Fear & Greed index under /fng/ and headlines under /rss."
)

DATA_LIMIT, DATA_WINDOW_MS = 1_000, 300_000
WEIGHT_LIMIT, WEIGHT_WINDOW_MS = 2_400, 60_000
FUNDING_LIMIT, FUNDING_WINDOW_MS = 500, 300_000

Answer = Callable[[Mapping[str, str], int], object]


class Break(StrEnum):
    """What may be wrong with an answer."""

    LIMITED = "429"
    FAILED = "500"
    HTML = "html"
    NOT_A_NUMBER = "nan"
    GARBAGE = "garbage"
    CUT = "cut"


class Broken(msgspec.Struct):
    """Wrong answers to come for a path."""

    path: str
    kind: Break
    times: int = 1
    retry_after_s: int = 1


class Window:
    """How much was used in the last so many milliseconds, and the most that ever was."""

    def __init__(self, limit: int, width_ms: int) -> None:
        self.limit = limit
        self.most = 0
        self._width_ms = width_ms
        self._uses: deque[tuple[int, int]] = deque()
        self._used = 0

    def spend(self, amount: int, now_ms: int) -> int | None:
        """Count a request. Gives the seconds to wait when it is above the limit."""
        while self._uses and self._uses[0][0] <= now_ms - self._width_ms:
            self._used -= self._uses.popleft()[1]
        self._uses.append((now_ms, amount))
        self._used += amount
        self.most = max(self.most, self._used)
        if self._used <= self.limit:
            return None
        return max(1, (self._uses[0][0] + self._width_ms - now_ms) // 1000)


class SlowDoor:
    """Serves the slow answers; `now_ms` is the venue's clock."""

    def __init__(self, options: Options, *, now_ms: Callable[[], int]) -> None:
        specs = {spec.id: spec for spec in (*CATALOG.values(), *options.symbols)}
        paths = {name: Path(spec, seed=options.seed, rate=options.rate) for name, spec in specs.items()}
        futures = SlowFutures(paths, seed=options.seed)
        chain = SlowOptions(futures, seed=options.seed)
        self._news = SlowNews(seed=options.seed)
        self._now_ms = now_ms
        self._asked: Counter[str] = Counter()
        self._broken: dict[str, Broken] = {}
        self._weight = Window(WEIGHT_LIMIT, WEIGHT_WINDOW_MS)
        self._funding = Window(FUNDING_LIMIT, FUNDING_WINDOW_MS)
        self._data = Window(DATA_LIMIT, DATA_WINDOW_MS)
        self._answers: dict[str, Answer] = {
            "/fapi/v1/ping": lambda params, now_ms: {},
            "/fapi/v1/premiumIndex": futures.premium_index,
            "/fapi/v1/openInterest": futures.open_interest,
            "/fapi/v1/fundingRate": futures.funding_rates,
            "/fapi/v1/fundingInfo": futures.funding_info,
            "/futures/data/openInterestHist": futures.open_interest_history,
            "/futures/data/globalLongShortAccountRatio": futures.ratio("accounts"),
            "/futures/data/topLongShortAccountRatio": futures.ratio("top-accounts"),
            "/futures/data/topLongShortPositionRatio": futures.ratio("top-positions"),
            "/futures/data/takerlongshortRatio": futures.taker,
            "/futures/data/basis": futures.basis,
            "/deribit/api/v2/public/get_book_summary_by_currency": chain.book_summary,
            "/deribit/api/v2/public/get_volatility_index_data": chain.volatility_index,
            "/deribit/api/v2/public/get_last_trades_by_currency_and_time": chain.last_trades,
            "/fng/": self._news.fear_greed,
            "/rss": lambda params, now_ms: self._news.rss(now_ms),
        }

    def routes(self) -> list[web.AbstractRouteDef]:
        return [
            web.get("/fapi/v1/{name}", self.handle),
            web.get("/futures/data/{name}", self.handle),
            web.get("/deribit/api/v2/public/{name}", self.handle),
            web.get("/fng/", self.handle),
            web.get("/rss", self.handle),
            web.get("/sim/slow", self.count),
            web.post("/sim/slow", self.break_answers),
        ]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self._asked[request.path] += 1
        answer = self._answers.get(request.path)
        if answer is None:
            return web.Response(status=404, text=f"no such endpoint: GET {request.path}")
        now_ms = self._now_ms()
        wait_s = self._spend(request.path, request.query, now_ms)
        if wait_s is not None:
            return _limited(wait_s)
        broken = self._strike(request.path)
        if broken is not None and broken.kind is Break.LIMITED:
            return _limited(broken.retry_after_s)
        try:
            result = answer(request.query, now_ms)
        except BadRequest as error:
            return self._refused(request.path, error)
        if request.path.startswith("/deribit"):
            result = {"jsonrpc": "2.0", "result": result, "usIn": now_ms * 1000, "usOut": now_ms * 1000}
        is_text = isinstance(result, str)
        body = result.encode() if isinstance(result, str) else msgspec.json.encode(result)
        kind = "application/rss+xml" if is_text else "application/json"
        return _spoiled(request, broken.kind, body) if broken else web.Response(body=body, content_type=kind)

    async def count(self, request: web.Request) -> web.Response:
        state = {
            "requests": dict(self._asked),
            "most_data_requests_5m": self._data.most,
            "most_funding_requests_5m": self._funding.most,
            "most_weight_1m": self._weight.most,
        }
        return web.Response(body=msgspec.json.encode(state), content_type="application/json")

    async def break_answers(self, request: web.Request) -> web.Response:
        wanted = msgspec.json.decode(await request.read(), type=Broken)
        if wanted.path not in self._answers:
            raise ValueError(f"no slow answer at {wanted.path!r}; there are {', '.join(sorted(self._answers))}")
        self._broken[wanted.path] = wanted
        return web.Response(body=msgspec.json.encode(wanted), content_type="application/json")

    def _spend(self, path: str, params: Mapping[str, str], now_ms: int) -> int | None:
        if path.startswith("/futures/data/"):
            return self._data.spend(1, now_ms)
        if path.startswith("/fapi/v1/funding"):
            return self._funding.spend(1, now_ms)
        if path.startswith("/fapi/v1/"):
            return self._weight.spend(10 if path.endswith("premiumIndex") and "symbol" not in params else 1, now_ms)
        return None

    def _strike(self, path: str) -> Broken | None:
        broken = self._broken.get(path)
        if broken is not None:
            broken.times -= 1
            if broken.times <= 0:
                del self._broken[path]
        return broken

    def _refused(self, path: str, error: BadRequest) -> web.Response:
        body: dict[str, object] = {"code": error.code, "msg": str(error)}
        if path.startswith("/deribit"):
            body = {"jsonrpc": "2.0", "error": {"code": error.code, "message": str(error)}}
        return web.Response(status=400, body=msgspec.json.encode(body), content_type="application/json")


def _limited(wait_s: int) -> web.Response:
    body = b'{"code":-1003,"msg":"Too many requests."}'
    return web.Response(status=429, body=body, headers={"Retry-After": str(wait_s)}, content_type="application/json")


def _spoiled(request: web.Request, kind: Break, body: bytes) -> web.Response:
    match kind:
        case Break.FAILED:
            return web.Response(status=500, text="Internal server error")
        case Break.HTML:
            return web.Response(text="<html><body>Request blocked.</body></html>", content_type="text/html")
        case Break.NOT_A_NUMBER:
            return web.Response(body=_without_numbers(body), content_type="application/json")
        case Break.GARBAGE:
            return web.Response(body=bytes(range(256)), content_type="application/json")
        case _:
            return web.Response(body=body[: len(body) // 2], content_type="application/json")


def _without_numbers(body: bytes) -> bytes:
    """The same answer with "NaN" for every number and numeric text."""
    try:
        value = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return b"NaN"

    def spoil(item: object) -> object:
        if isinstance(item, dict):
            return {name: spoil(part) for name, part in item.items()}
        if isinstance(item, list):
            return [spoil(part) for part in item]
        text = str(item).lstrip("-")
        is_number = not isinstance(item, bool) and item is not None and text.replace(".", "", 1).isdecimal()
        return "NaN" if is_number else item

    return msgspec.json.encode(spoil(value))
