"""What the venue lists: asked for, stored, and read back when the venue does not answer."""

import time
from collections.abc import Callable, Coroutine, Set
from typing import Any

import structlog

from marketdata.exchanges.adapter import Listing, VenueError
from marketdata.feed import rows
from marketdata.feed.config import FeedConfig
from marketdata.feed.exchange_feed import ExchangeFeed
from marketdata.feed.recorder import Recorder

log = structlog.get_logger(__name__)

_RETRY_S = 60.0
# Venues change tick sizes without notice.
_REFRESH_S = 900.0


class ListingKeeper:
    """`instrument_ids` are the row ids of the stored instruments, by symbol."""

    def __init__(self, config: FeedConfig, recorder: Recorder, *, dry_run: bool) -> None:
        self.instrument_ids: dict[str, int] = {}
        self._config = config
        self._recorder = recorder
        self._dry_run = dry_run
        self._asked_s = 0.0
        self._unanswered = 0

    def ask_again(self) -> None:
        """Ask the venue at the next look, whatever is known."""
        self._asked_s, self._unanswered = 0.0, 0

    async def look_after(
        self, feed: ExchangeFeed, wanted: Set[str], fetch: Callable[[], Coroutine[Any, Any, list[Listing]]]
    ) -> None:
        """Ask the venue when something is not known, or for long was not asked; else use what is stored."""
        since_s = time.monotonic() - self._asked_s
        listed = feed.listed
        # Without its row's id a symbol's bars cannot be stored: the database may have been away.
        stored_all = self._dry_run or wanted & listed <= self.instrument_ids.keys()
        complete = bool(listed) and wanted <= listed and stored_all and not feed.rules.is_outdated
        # A venue that has never answered is asked again soon, then less and less often.
        unanswered_s = min(_RETRY_S / 2, 2.0 ** min(self._unanswered, 10) / 2)
        wait_s = _REFRESH_S if complete else _RETRY_S if listed else unanswered_s
        if self._asked_s and since_s < wait_s:
            return
        self._asked_s = time.monotonic()
        try:
            listings = await fetch()
        except VenueError as error:
            self._unanswered += 1
            log.warning("[WS] no list of instruments from the venue", exchange=self._config.exchange, error=str(error))
            feed.notices.no_listings(str(error), self._unanswered)
        else:
            self._unanswered = 0
            feed.set_listings(listings)
            if not self._dry_run:
                now = rows.to_datetime(time.time_ns())
                await self._recorder.attempt(rows.write_listings, self._config.exchange_id, listings, now)
        stored = await self._recorder.attempt(rows.known_instruments, self._config.exchange_id)
        if stored:
            self.instrument_ids = {symbol: pk for symbol, (pk, _) in stored.items()}
            if not feed.listed:
                feed.set_listings(listing for _, listing in stored.values())
