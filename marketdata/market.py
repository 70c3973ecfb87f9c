"""The market data service: what instruments cost now, from the cache."""

from collections.abc import Iterable
from dataclasses import dataclass

from marketdata.cache import latest_quotes
from marketdata.models import Subscription


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketData:
    """price is the last print. volume is of 24 h in base, change a fraction of 24 h, volatility annual.

    `market_cap` is None where no source knows it. `ts_event` in nanoseconds, by the venue's clock.
    """

    exchange: str
    symbol: str
    price: float
    bid: float
    ask: float
    volume: float | None
    change: float | None
    volatility: float | None
    market_cap: float | None
    state: str
    ts_event: int


def get_market_data(symbols: Iterable[str], *, exchange: str = "") -> list[MarketData]:
    """Data of the symbols that are streamed and fresh, in the given order; others are left out.

    Without `exchange`, of the first venue (by code) that streams the symbol.
    """
    wanted = list(dict.fromkeys(symbols))
    followed = Subscription.objects.filter(symbol__in=wanted)
    if exchange:
        followed = followed.filter(exchange__code=exchange)
    pairs = followed.order_by("exchange__code").values_list("exchange__code", "symbol").distinct()
    found: dict[str, MarketData] = {}
    for (code, symbol), quote in latest_quotes(pairs).items():
        if symbol not in found or code < found[symbol].exchange:
            found[symbol] = MarketData(
                exchange=code,
                symbol=symbol,
                price=quote.last,
                bid=quote.bid,
                ask=quote.ask,
                volume=quote.volume,
                change=quote.change,
                volatility=quote.volatility,
                market_cap=None,
                state=quote.state,
                ts_event=quote.ts_event,
            )
    return [found[symbol] for symbol in wanted if symbol in found]
