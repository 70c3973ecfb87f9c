"""What to ask Deribit: the whole chain of Bitcoin and Ether in one request each, the prints since the last time."""

from collections.abc import AsyncIterator

import httpx

from marketdata.exchanges.adapter import RateLimited, VenueError, VenueRejected
from marketdata.exchanges.http import Parameters, VenueHttp
from marketdata.sources.budget import TokenBucket
from marketdata.sources.deribit import messages
from marketdata.sources.deribit.chain import summarise
from marketdata.sources.deribit.flow import MINUTE_NS, flows
from marketdata.sources.polling import Found, Job, NothingToDo, Surroundings

ASSETS = ("BTC", "ETH")
DAY_NS = 1_440 * MINUTE_NS
# Prints of the last minute may still be booked a little after it.
LATE_NS = 3_000_000_000
FIRST_FLOW_NS = DAY_NS
FLOW_WINDOW_NS = 240 * MINUTE_NS
TRADES = 1_000
FIRST_INDEX_NS = 30 * DAY_NS
# A page has 1,000 candles: minutes for a pause of hours, hours for more.
MINUTES_NS = 900 * MINUTE_NS
TOO_MANY = 10_028
TOO_MANY_WAIT_S = 10.0


class Deribit:
    """The jobs of one source, and its budget: a quarter of the twenty requests a second."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._http = VenueHttp(exchange=around.source, base_url=around.url, client=around.client, refusal=_refusal)
        self._requests = TokenBucket(capacity=10, per_s=5)

    def jobs(self) -> list[Job]:
        return [
            Job(name="option chain", every_s=60, work=self.chains, offset_s=2, fresh_within_s=300),
            Job(name="options flow", every_s=60, work=self.flow, offset_s=5, fresh_within_s=600),
            Job(name="volatility index", every_s=60, work=self.index, offset_s=2, fresh_within_s=600),
        ]

    async def chains(self) -> AsyncIterator[Found]:
        thin: NothingToDo | None = None
        for asset in ASSETS:
            body = await self._get("get_book_summary_by_currency", {"currency": asset, "kind": "option"})
            chain = messages.read_chain(body)
            try:
                event = summarise(
                    chain.quotes,
                    asset=asset,
                    index_price=chain.index_price,
                    source=self._around.source,
                    ts_event=chain.ts_event,
                    ts_init=self._around.now_ns(),
                )
            except NothingToDo as reason:
                thin = reason
                continue
            yield Found(events=[event])
        if thin is not None:
            raise thin

    async def flow(self) -> AsyncIterator[Found]:
        """All full minutes since the newest stored, at the first start those of the last day."""
        for asset in ASSETS:
            end_ns = 0
            while True:
                now_ns = self._around.now_ns()
                newest_ns = max(end_ns, self._around.newest(asset, "options_flow", ""))
                begin_ns = -(-max(newest_ns, now_ns - FIRST_FLOW_NS) // MINUTE_NS) * MINUTE_NS
                latest_ns = (now_ns - LATE_NS) // MINUTE_NS * MINUTE_NS
                end_ns = min(latest_ns, begin_ns + FLOW_WINDOW_NS)
                if end_ns <= begin_ns:
                    break
                events = flows(
                    await self._prints(asset, begin_ns, end_ns),
                    asset=asset,
                    begin_ns=begin_ns,
                    end_ns=end_ns,
                    source=self._around.source,
                    ts_init=self._around.now_ns(),
                )
                yield Found(events=events, is_history=end_ns < latest_ns)

    async def index(self) -> AsyncIterator[Found]:
        for asset in ASSETS:
            begin_ns = 0
            while True:
                now_ns = self._around.now_ns()
                newest_ns = self._around.newest(asset, "volatility_index", "")
                begin_ns = max(begin_ns, newest_ns, now_ns - FIRST_INDEX_NS)
                resolution_s = 60 if now_ns - begin_ns <= MINUTES_NS else 3_600
                parameters: dict[str, str | int] = {
                    "currency": asset,
                    "start_timestamp": begin_ns // 1_000_000,
                    "end_timestamp": now_ns // 1_000_000,
                    "resolution": str(resolution_s),
                }
                events = messages.volatility_index(
                    await self._get("get_volatility_index_data", parameters),
                    asset=asset,
                    resolution_s=resolution_s,
                    now_ns=now_ns,
                    source=self._around.source,
                    ts_init=self._around.now_ns(),
                )
                fresh = [event for event in events if event.ts_event > begin_ns]
                yield Found(events=fresh, is_history=resolution_s != 60)
                if resolution_s == 60 or not fresh:
                    break
                begin_ns = fresh[-1].ts_event

    async def _prints(self, asset: str, begin_ns: int, end_ns: int) -> list[messages.Print]:
        """The prints of [begin, end), in as many pages as there are."""
        found: dict[str, messages.Print] = {}
        since_ms, until_ms = begin_ns // 1_000_000, end_ns // 1_000_000 - 1
        while True:
            parameters: dict[str, str | int] = {
                "currency": asset,
                "kind": "option",
                "start_timestamp": since_ms,
                "end_timestamp": until_ms,
                "count": TRADES,
                "sorting": "asc",
            }
            prints, has_more = messages.read_prints(await self._get("get_last_trades_by_currency_and_time", parameters))
            found |= {item.trade_id: item for item in prints}
            if not has_more or not prints:
                return list(found.values())
            last_ms = prints[-1].ts_event // 1_000_000
            # The next page repeats the last millisecond, of which this one may not have had all.
            since_ms = last_ms if last_ms > since_ms else since_ms + 1

    async def _get(self, method: str, parameters: Parameters) -> bytes:
        await self._requests.take()
        return (await self._http.get(f"/public/{method}", parameters)).content


def _refusal(path: str, response: httpx.Response) -> VenueError:
    error = messages.read_error(response.content)
    if error is None:
        return VenueRejected(f"deribit refused {path}: HTTP {response.status_code} {response.text[:200]}")
    code, text = error
    if code == TOO_MANY:
        return RateLimited(f"deribit limits our requests ({text})", retry_after_s=TOO_MANY_WAIT_S)
    return VenueRejected(f"deribit refused {path}: {text} ({code})")
