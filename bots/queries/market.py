"""Markets: candles, symbols, latest prices."""

from datetime import UTC, datetime
from typing import Any

from bots.regimes import latest_regimes
from marketdata.cache import LatestQuote, latest_quotes, latest_snapshot
from marketdata.events import Bar, Timeframe
from marketdata.models import BarRow, FeedStatus, Instrument

NS_PER_S = 1_000_000_000


def find_instrument(exchange: str, symbol: str) -> Instrument | None:
    return Instrument.objects.filter(exchange__code=exchange, symbol=symbol).select_related("exchange").first()


def candles(instrument: Instrument, *, timeframe: Timeframe, limit: int) -> list[dict[str, Any]]:
    """Closed bars and the forming one, oldest first."""
    rows = BarRow.objects.filter(instrument=instrument, timeframe=timeframe).order_by("-ts_open")[:limit]
    found = [candle(bar, closed=True) for bar in reversed(rows)]
    snapshot = latest_snapshot(instrument.exchange.code, instrument.symbol)
    for bar in snapshot.forming if snapshot else ():
        if bar.timeframe == timeframe and (not found or bar.ts_open > found[-1]["ts_open"]):
            found.append(candle(bar, closed=False))
    return found[-limit:]


def candle(bar: Bar | BarRow, *, closed: bool) -> dict[str, Any]:
    """`ts_open` is nanoseconds since the epoch, `time` the same in seconds."""
    return {
        "ts_open": bar.ts_open,
        "time": bar.ts_open // NS_PER_S,
        "open": bar.open,
        "high": bar.high,
        "low": bar.low,
        "close": bar.close,
        "volume": bar.volume,
        "closed": closed,
    }


def market(symbols: list[str] | None = None) -> list[dict[str, Any]]:
    """The latest of every followed market, or of those symbols, on every exchange that streams them."""
    feeds = FeedStatus.objects.select_related("exchange")
    if symbols is not None:
        feeds = feeds.filter(symbol__in=symbols)
    pairs = [(feed.exchange.code, feed.symbol) for feed in feeds]
    quotes = latest_quotes(pairs)
    regimes = latest_regimes(pairs)
    return [{**market_record(*place, quotes.get(place)), "regime": _regime(regimes.get(place))} for place in pairs]


def _regime(record: dict[str, Any] | None) -> dict[str, Any] | None:
    """What kind of market an engine sees; None where none runs the symbol."""
    if record is None:
        return None
    return {name: value for name, value in record.items() if name not in ("exchange", "symbol")}


def market_record(exchange: str, symbol: str, quote: LatestQuote | None) -> dict[str, Any]:
    """Nulls where nothing is fresh."""
    return {
        "exchange": exchange,
        "symbol": symbol,
        "price": quote.last if quote else None,
        "bid": quote.bid if quote else None,
        "ask": quote.ask if quote else None,
        "volume": quote.volume if quote else None,
        "change": quote.change if quote else None,
        "market_cap": None,
        "volatility": quote.volatility if quote else None,
        "state": quote.state if quote else "no_data",
        "source": quote.source if quote else None,
        "timestamp": datetime.fromtimestamp(quote.ts_event / NS_PER_S, UTC) if quote else None,
    }
