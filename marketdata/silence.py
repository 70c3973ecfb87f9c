"""How long a channel may be silent: a watchdog on data, since a socket may live on without any."""

from collections import deque
from statistics import median

from marketdata.book import OrderBook
from marketdata.events import QuoteTick

MIN_SILENCE_NS = 2_000_000_000
_GAPS_FACTOR = 5


class ChannelSilence:
    """Arrival times of one channel of one symbol, by our clock."""

    __slots__ = ("_gaps_ns", "last_ns")

    def __init__(self) -> None:
        self.last_ns = 0
        self._gaps_ns: deque[int] = deque(maxlen=51)

    def arrived(self, ts_init: int) -> None:
        if self.last_ns:
            self._gaps_ns.append(ts_init - self.last_ns)
        self.last_ns = ts_init

    def restart(self, ts_init: int) -> None:
        """Count silence from now, without calling the pause before it a gap."""
        self.last_ns = ts_init

    def limit_ns(self) -> int:
        """The longer of 2 s and five times the median gap."""
        if not self._gaps_ns:
            return MIN_SILENCE_NS
        return max(MIN_SILENCE_NS, int(_GAPS_FACTOR * median(self._gaps_ns)))

    def is_silent(self, now_ns: int) -> bool:
        silence_ns = now_ns - self.last_ns
        return silence_ns > MIN_SILENCE_NS and silence_ns > self.limit_ns()


class SymbolSilence:
    """The channels of one symbol together."""

    __slots__ = ("_missing_ns", "_summed_up", "depths", "prints", "quotes")

    def __init__(self) -> None:
        self.quotes = ChannelSilence()
        self.depths = ChannelSilence()
        self.prints = ChannelSilence()
        # The last price that the day's summary told first since the last print, and since when a later one is told.
        self._summed_up = 0.0
        self._missing_ns = 0

    def printed(self) -> None:
        """A print was accepted: whatever was missing came."""
        self._summed_up, self._missing_ns = 0.0, 0

    def summed_up(self, last: float, *, printed: float, ts_init: int) -> None:
        """The day's summary tells the price of the last print, which we know to be `printed`."""
        if not self._summed_up:
            self._summed_up = last
        elif last in (self._summed_up, printed):
            self._missing_ns = 0
        elif not self._missing_ns:
            self._missing_ns = ts_init

    def restart(self, ts_init: int) -> None:
        self.printed()
        for channel in (self.quotes, self.depths, self.prints):
            channel.restart(ts_init)

    def find(self, ts_init: int, *, quote: QuoteTick | None, book: OrderBook, before: str) -> str:
        """Which silence makes the symbol stale, or "". `before` is what this gave the last time.

        Nobody can tell a frozen channel from a quiet market, except by its sibling: prices of one that move away
        from the other's show that the silent one is frozen.
        """
        if self._missing_ns and ts_init - self._missing_ns > MIN_SILENCE_NS:
            return "the trades stopped while the market moves"
        quotes_silent = self.quotes.is_silent(ts_init)
        depths_silent = self.depths.is_silent(ts_init)
        if quotes_silent and depths_silent and self.prints.is_silent(ts_init):
            newest_ns = max(self.quotes.last_ns, self.depths.last_ns, self.prints.last_ns)
            # The text is kept while the silence lasts, so that the state is told once.
            return before or f"no data for {(ts_init - newest_ns) / 1e9:.1f} s"
        if quote is not None and book.is_valid and quotes_silent != depths_silent:
            agree = quote.bid == book.best_bid and quote.ask == book.best_ask
            if not agree:
                return f"the {'quotes' if quotes_silent else 'order book'} stopped while the market moves"
        return ""
