"""Trade ids as the rest of the feed wants them: numbers that grow by symbol."""

from collections import deque

_REMEMBERED = 2_000
_MAX_ID = 2**63 - 1


class TradeIds:
    """Keeps a venue's own ids while they are growing numbers; otherwise counts within the trade's millisecond.

    One for each symbol. A trade that was seen before gets no id: venues repeat the latest ones after subscribing.
    """

    def __init__(self) -> None:
        self.last = 0
        self._last_ms = 0
        self._own = True
        self._seen: set[str] = set()
        self._order: deque[str] = deque()

    def number(self, venue_id: str | None, *, time_ms: int) -> int | None:
        """Give the id of the next trade, or None for one that was seen before."""
        if venue_id:
            if venue_id in self._seen:
                return None
            self._remember(venue_id)
        if self._own:
            if venue_id and venue_id.isdecimal() and int(venue_id) <= _MAX_ID:
                number = int(venue_id)
                if number > self.last:
                    return self._give(number, time_ms)
                if time_ms <= self._last_ms:
                    return None
            # Text, or numbers in no order: from now on the time counts.
            self._own = False
        return self._give(max(self.last + 1, time_ms * 1000), time_ms)

    def _give(self, number: int, time_ms: int) -> int:
        self.last = number
        self._last_ms = max(self._last_ms, time_ms)
        return number

    def _remember(self, venue_id: str) -> None:
        self._seen.add(venue_id)
        self._order.append(venue_id)
        if len(self._order) > _REMEMBERED:
            self._seen.discard(self._order.popleft())
