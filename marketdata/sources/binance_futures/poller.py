"""What to ask Binance's USD-M futures, how often, and since when.

The venue keeps its statistics for 30 days, so everything is fetched forward from the newest that is stored: the first
start, a pause of a day and every five minutes are the same request with another beginning.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass

from marketdata.exchanges.adapter import VenueRejected
from marketdata.exchanges.http import Parameters, VenueHttp
from marketdata.sources.answers import MalformedAnswer
from marketdata.sources.binance_futures import messages
from marketdata.sources.binance_futures.messages import Perpetual, PremiumRow
from marketdata.sources.budget import TokenBucket
from marketdata.sources.keys import DATED
from marketdata.sources.kinds import SlowEvent
from marketdata.sources.polling import Found, Job, NothingToDo, Surroundings

MINUTE_NS = 60_000_000_000
DAY_NS = 1_440 * MINUTE_NS
PERIOD_NS = 5 * MINUTE_NS
PAGE = 500
# A little less than the 30 days, which end while a request is under way.
KEPT_NS = 30 * DAY_NS - 30 * MINUTE_NS
FUNDING_NS = 90 * DAY_NS
FUNDING_PAGE = 1_000
# Settlements are an hour apart or more.
FUNDING_WINDOW_NS = (FUNDING_PAGE - 1) * 60 * MINUTE_NS
# Further behind than this is history, which waits for what is current.
BEHIND_NS = 12 * PERIOD_NS
# Tokens that history leaves to what is current.
RESERVE = 40.0
PREMIUM_WEIGHT = 10
# The only pairs with futures that end with a quarter.
QUARTERLY = ("BTCUSDT", "ETHUSDT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One statistic: where it is asked for, and what its answers say."""

    path: str
    kind: str
    key: str
    read: Callable[[bytes, Perpetual, str, int], Sequence[SlowEvent]]
    symbol_name: str = "symbol"
    more: tuple[tuple[str, str], ...] = ()


def _long_short(path: str, scope: str) -> Series:
    return Series(
        path=path,
        kind="long_short",
        key=scope,
        read=lambda body, of, source, ts_init: messages.long_short(
            body, of, scope=scope, source=source, ts_init=ts_init
        ),
    )


SERIES = (
    Series(
        path="openInterestHist",
        kind="open_interest",
        key="5m",
        read=lambda body, of, source, ts_init: messages.open_interest_history(body, of, source=source, ts_init=ts_init),
    ),
    _long_short("globalLongShortAccountRatio", "accounts"),
    _long_short("topLongShortPositionRatio", "top_positions"),
    _long_short("topLongShortAccountRatio", "top_accounts"),
    Series(
        path="takerlongshortRatio",
        kind="long_short",
        key="taker",
        read=lambda body, of, source, ts_init: messages.taker(body, of, source=source, ts_init=ts_init),
    ),
    Series(
        path="basis",
        kind="premium",
        key=DATED,
        read=lambda body, of, source, ts_init: messages.quarter_premiums(body, of, source=source, ts_init=ts_init),
        symbol_name="pair",
        more=(("contractType", "CURRENT_QUARTER"),),
    ),
)


class BinanceFutures:
    """The jobs of one source, and its budgets: half of each limit of the venue is left to others."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._http = VenueHttp(exchange=around.source, base_url=around.url, client=around.client)
        # 1,000 in 5 min, 500 in 5 min and a weight of 2,400 in a minute are allowed.
        self._data = TokenBucket(capacity=100, per_s=400 / 300)
        self._fundings = TokenBucket(capacity=100, per_s=150 / 300)
        self._weight = TokenBucket(capacity=200, per_s=1_000 / 60)
        self._asked_until: dict[tuple[str, str], int] = {}
        self._fetching: set[tuple[str, str]] = set()

    def jobs(self) -> list[Job]:
        return [
            Job(name="premium", every_s=60, work=self.premiums, fresh_within_s=180),
            Job(name="open interest", every_s=300, work=self.open_interest, offset_s=5, fresh_within_s=900),
            # The venue publishes a bucket some seconds to a minute after its end.
            Job(name="statistics", every_s=300, work=self.statistics, offset_s=30, fresh_within_s=1_500),
            Job(name="history", every_s=60, work=self.history, offset_s=10),
            Job(name="funding", every_s=3_600, work=self.funding, offset_s=30, fresh_within_s=10 * 3_600),
        ]

    # Jobs

    async def premiums(self) -> AsyncIterator[Found]:
        """One request for all: mark and index of every followed asset's perpetual."""
        rows, perpetuals = await self._listed()
        ts_init, events, problem = self._around.now_ns(), list[SlowEvent](), None
        for perpetual in perpetuals:
            try:
                row = rows[perpetual.symbol]
                events.append(messages.premium(row, perpetual, source=self._around.source, ts_init=ts_init))
            except MalformedAnswer as error:
                problem = MalformedAnswer(f"{perpetual.symbol}: {error}")
        yield Found(events=events)
        if problem is not None:
            raise problem

    async def open_interest(self) -> AsyncIterator[Found]:
        _, perpetuals = await self._listed()
        refusal: VenueRejected | None = None
        for perpetual in perpetuals:
            await self._weight.take()
            try:
                body = await self._get("/fapi/v1/openInterest", {"symbol": perpetual.symbol})
            except VenueRejected as error:
                refusal = error
                continue
            event = messages.open_interest(body, perpetual, source=self._around.source, ts_init=self._around.now_ns())
            yield Found(events=[event])
        if refusal is not None:
            raise refusal

    async def statistics(self) -> AsyncIterator[Found]:
        """The newest buckets of all series that are not far behind."""
        _, perpetuals = await self._listed()
        refusal: VenueRejected | None = None
        for perpetual, series in self._pairs(perpetuals):
            if self._behind_ns(perpetual, series) > BEHIND_NS or (perpetual.asset, series.path) in self._fetching:
                continue
            try:
                found = await self._page(perpetual, series, is_history=False)
            except VenueRejected as error:
                refusal = error
                continue
            yield found
        if refusal is not None:
            raise refusal

    async def history(self) -> AsyncIterator[Found]:
        """Page by page, all series in turn, until none is far behind."""
        _, perpetuals = await self._listed()
        refusal: VenueRejected | None = None
        behind = [pair for pair in self._pairs(perpetuals) if self._behind_ns(*pair) > BEHIND_NS]
        self._fetching = {(perpetual.asset, series.path) for perpetual, series in behind}
        while behind:
            for perpetual, series in tuple(behind):
                try:
                    found = await self._page(perpetual, series, is_history=True)
                except VenueRejected as error:
                    refusal = error
                    behind.remove((perpetual, series))
                    continue
                yield found
                if self._behind_ns(perpetual, series) <= BEHIND_NS:
                    behind.remove((perpetual, series))
                    self._fetching.discard((perpetual.asset, series.path))
        if refusal is not None:
            raise refusal

    async def funding(self) -> AsyncIterator[Found]:
        _, perpetuals = await self._listed()
        await self._fundings.take()
        intervals_h = messages.funding_intervals(await self._get("/fapi/v1/fundingInfo", {}))
        refusal: VenueRejected | None = None
        for perpetual in perpetuals:
            until_ns = 0
            while until_ns < (now_ns := self._around.now_ns()) - MINUTE_NS:
                newest_ns = self._around.newest(perpetual.asset, "funding", "")
                since_ns = max(newest_ns, until_ns, now_ns - FUNDING_NS)
                until_ns = min(now_ns, since_ns + FUNDING_WINDOW_NS)
                await self._fundings.take()
                parameters = _range(since_ns, until_ns) | {"symbol": perpetual.symbol, "limit": FUNDING_PAGE}
                try:
                    body = await self._get("/fapi/v1/fundingRate", parameters)
                except VenueRejected as error:
                    refusal = error
                    break
                events = messages.fundings(
                    body,
                    perpetual,
                    intervals_h=intervals_h,
                    before_ns=newest_ns,
                    source=self._around.source,
                    ts_init=self._around.now_ns(),
                )
                yield Found(events=events, is_history=until_ns < now_ns)
        if refusal is not None:
            raise refusal

    # Requests

    async def _listed(self) -> tuple[dict[str, PremiumRow], list[Perpetual]]:
        """All listed contracts, and the perpetuals of what somebody follows."""
        assets = await self._around.assets()
        if not assets:
            raise NothingToDo("nobody follows a symbol yet")
        await self._weight.take(PREMIUM_WEIGHT)
        rows = messages.read_premiums(await self._get("/fapi/v1/premiumIndex", {}))
        perpetuals = messages.perpetuals(assets, rows)
        if not perpetuals:
            raise NothingToDo(f"no perpetual is listed for {', '.join(assets)[:200]}")
        return rows, perpetuals

    @staticmethod
    def _pairs(perpetuals: Sequence[Perpetual]) -> list[tuple[Perpetual, Series]]:
        return [
            (perpetual, series)
            for perpetual in perpetuals
            for series in SERIES
            if series.key != DATED or perpetual.symbol in QUARTERLY
        ]

    async def _page(self, perpetual: Perpetual, series: Series, *, is_history: bool) -> Found:
        now_ns = self._around.now_ns()
        since_ns = now_ns - self._behind_ns(perpetual, series)
        # Beginning and end are both given, and never hold more than a page: the venue cuts at either side.
        until_ns = min(now_ns, since_ns + (PAGE - 1) * PERIOD_NS)
        parameters = _range(since_ns, until_ns) | {
            series.symbol_name: perpetual.symbol,
            "period": "5m",
            "limit": PAGE,
            **dict(series.more),
        }
        await self._data.take(leave=RESERVE if is_history else 0.0)
        body = await self._get(f"/futures/data/{series.path}", parameters)
        events = series.read(body, perpetual, self._around.source, self._around.now_ns())
        if until_ns < now_ns - BEHIND_NS or not events:
            # Where the venue has a hole, or no such series, the next request begins behind it.
            self._asked_until[perpetual.asset, series.path] = until_ns - (0 if until_ns < now_ns else BEHIND_NS // 2)
        return Found(events=events, key=series.key, is_history=is_history)

    def _behind_ns(self, perpetual: Perpetual, series: Series) -> int:
        """How much time there is to ask about."""
        now_ns = self._around.now_ns()
        newest_ns = max(
            self._around.newest(perpetual.asset, series.kind, series.key),
            self._asked_until.get((perpetual.asset, series.path), 0),
        )
        return min(KEPT_NS, now_ns - newest_ns)

    async def _get(self, path: str, parameters: Parameters) -> bytes:
        return (await self._http.get(path, parameters)).content


def _range(since_ns: int, until_ns: int) -> dict[str, str | int]:
    """Times after `since_ns`, up to `until_ns`."""
    return {"startTime": since_ns // 1_000_000 + 1, "endTime": until_ns // 1_000_000}
