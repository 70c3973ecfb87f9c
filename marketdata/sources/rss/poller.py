"""What to ask a news feed: all of it, every few minutes; what is new is told."""

import asyncio
from collections.abc import AsyncIterator, Mapping

from marketdata.events import Headline
from marketdata.sources.fear_greed import DAY_NS
from marketdata.sources.keys import title_key
from marketdata.sources.polling import Found, Job, NothingToDo, Seen, Surroundings
from marketdata.sources.rss.fetch import fetch
from marketdata.sources.rss.headlines import OLDEST_NS, headlines, read_items


class Rss:
    """One job. A title that was seen in the last 24 hours, here or elsewhere, is not news."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._unchanged: dict[str, str] = {}

    def jobs(self) -> list[Job]:
        return [Job(name="headlines", every_s=300, work=self.news, offset_s=20)]

    async def news(self) -> AsyncIterator[Found]:
        around = self._around
        if not around.url:
            raise NothingToDo("this source needs the address of a news feed")
        response = await fetch(
            around.url, client=around.client, trusted_origin=around.trusted_origin, headers=self._unchanged
        )
        if response.is_unchanged:
            return
        items = await asyncio.to_thread(read_items, response.body)
        now_ns = around.now_ns()
        events = headlines(items, assets=await around.assets(), source=around.source, ts_init=now_ns)
        seen = await around.seen(events, now_ns - OLDEST_NS)
        # One of each title and asset, the first one in the feed.
        fresh = {
            (event.symbol, title_key(event.title)): event for event in reversed(events) if not _repeats(event, seen)
        }
        yield Found(events=sorted(fresh.values(), key=lambda event: event.ts_event))
        self._unchanged = {
            wanted: response.headers[given]
            for given, wanted in (("etag", "If-None-Match"), ("last-modified", "If-Modified-Since"))
            if given in response.headers
        }


def _repeats(event: Headline, seen: Mapping[str, Seen]) -> bool:
    """Whether its title was first seen less than a day ago, or is no later than the one that was."""
    before = seen.get(title_key(event.title))
    return before is not None and (event.ts_init - before.ts_init < DAY_NS or event.ts_event <= before.ts_event)
