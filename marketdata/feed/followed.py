"""One followed symbol, as the running feed sees it."""

import difflib
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from marketdata.cache import LatestQuote, LatestSnapshot
from marketdata.connection import Backoff
from marketdata.feed.source import Health
from marketdata.stream import SymbolStream

_LAGS = 512


@dataclass(slots=True, kw_only=True)
class Followed:
    """`reconnects` and `messages` count since the symbol was followed."""

    symbol: str
    venue_symbol: str
    stream: SymbolStream
    image_backoff: Backoff
    health: Health = field(default_factory=Health)
    messages: int = 0
    messages_before: int = 0
    rejected_told: int = 0
    rejected_told_ns: int = 0
    first_image_ns: int = 0
    # When the book got the image by REST that it stands on; 0 while another is asked for.
    imaged_ns: int = 0
    # When an image on the stream is asked for, and when silence was met by asking again; 0: not at all.
    recovery_due_ns: int = 0
    silent_asked_ns: int = 0
    # Since when its records are late; 0: they are not.
    late_ns: int = 0
    resubscribed_ns: int = 0
    history_due_ns: int = 0
    has_history: bool = False
    longer_due_ns: int = 0
    has_longer_bars: bool = False
    lags_ns: deque[int] = field(default_factory=lambda: deque(maxlen=_LAGS))

    def longer_bars_due(self, now_ns: int) -> bool:
        """After the minutes, which signals need first; until they have been fetched once."""
        return self.has_history and not self.has_longer_bars and now_ns >= self.longer_due_ns

    @property
    def reconnects(self) -> int:
        return max(0, self.health.connects - 1)

    @property
    def rejected(self) -> int:
        return sum(count for name, count in self.stream.counts.items() if name.startswith("rejected."))

    def lag_ms(self, quantile: float) -> float | None:
        if not self.lags_ns:
            return None
        lags = sorted(self.lags_ns)
        return round(lags[min(len(lags) - 1, int(quantile * len(lags)))] / 1e6, 3)

    def latest_quote(self, now_ns: int) -> LatestQuote | None:
        stream, quote, ticker = self.stream, self.stream.quote, self.stream.ticker
        if quote is None:
            return None
        return LatestQuote(
            exchange=quote.exchange,
            symbol=quote.symbol,
            bid=quote.bid,
            bid_size=quote.bid_size,
            ask=quote.ask,
            ask_size=quote.ask_size,
            last=stream.trade.price if stream.trade is not None else stream.last_price or quote.mid,
            volume=ticker.volume if ticker else None,
            quote_volume=ticker.quote_volume if ticker else None,
            change=ticker.change if ticker else None,
            volatility=stream.volatility,
            state=stream.state,
            source=stream.source,
            reason=stream.reason,
            ts_event=quote.ts_event,
            ts_init=quote.ts_init,
            now_ns=now_ns,
        )

    def latest_snapshot(self, *, epoch: int, sequence: int, now_ns: int) -> LatestSnapshot:
        return LatestSnapshot(
            exchange=self.stream.exchange,
            symbol=self.symbol,
            epoch=epoch,
            sequence=sequence,
            state=self.stream.state,
            reason=self.stream.reason,
            book=self.stream.snapshot,
            forming=tuple(self.stream.bars.forming()),
            now_ns=now_ns,
            source=self.stream.source,
        )


def explain_unknown(symbol: str, exchange: str, known: Iterable[str], *, advice: str = "") -> str:
    """What to tell someone who asked for a symbol that the venue does not list. `advice`: where to change it."""
    names = list(known)
    if not names:
        return f"{exchange} has not said yet what it lists, so {symbol} waits: see whether the venue can be reached."
    close = difflib.get_close_matches(symbol.upper(), names, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(close)}?" if close else f"it lists {len(names)}, e.g. {', '.join(names[:3])}."
    return f"{exchange} does not list {symbol}: {hint}{f' {advice}' if advice else ''}"
