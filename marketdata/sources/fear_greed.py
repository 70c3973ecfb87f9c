"""The Fear & Greed index of alternative.me: a value a day since 2018, all of them in one answer."""

from collections.abc import AsyncIterator

from msgspec import Struct

from marketdata.events import Sentiment
from marketdata.exchanges.http import VenueHttp
from marketdata.sources.answers import MalformedAnswer, decode, time_ns
from marketdata.sources.polling import Found, Job, Surroundings

MARKET = "CRYPTO"
DAY_NS = 86_400_000_000_000
_FEW_DAYS = 8


class _Day(Struct):
    value: float
    timestamp: int


class _Answer(Struct):
    data: list[_Day]


def read_index(body: bytes, *, source: str, ts_init: int) -> list[Sentiment]:
    """The days, oldest first. Raises MalformedAnswer."""
    answer: _Answer = decode(body, _Answer)
    events = []
    for day in answer.data:
        if not 0 <= day.value <= 100:
            raise MalformedAnswer(f"an index of {day.value!r} is not between 0 and 100")
        at_ns = time_ns("timestamp", day.timestamp * 1_000)
        events.append(Sentiment(exchange=source, symbol=MARKET, index=day.value, ts_event=at_ns, ts_init=ts_init))
    return sorted(events, key=lambda event: event.ts_event)


class FearGreed:
    """One job: the whole history at first, then the last days, once an hour."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._http = VenueHttp(exchange=around.source, base_url=around.url, client=around.client)

    def jobs(self) -> list[Job]:
        return [Job(name="index", every_s=3_600, work=self.index, offset_s=60, fresh_within_s=36 * 3_600)]

    async def index(self) -> AsyncIterator[Found]:
        newest_ns = self._around.newest(MARKET, "sentiment", "")
        missing_days = (self._around.now_ns() - newest_ns) // DAY_NS + 2
        response = await self._http.get("/fng/", {"limit": missing_days if missing_days <= _FEW_DAYS else 0})
        events = read_index(response.content, source=self._around.source, ts_init=self._around.now_ns())
        if not events:
            raise MalformedAnswer("the answer has no days")
        yield Found(events=events)
