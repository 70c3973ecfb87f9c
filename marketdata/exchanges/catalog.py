"""Which adapters there are. A new venue is one folder and one line here."""

from collections.abc import Callable
from importlib import import_module

from marketdata.exchanges.adapter import Adapter

# Named, not imported, so that a process loads only the venues that it speaks to.
_ADAPTERS = {
    "binance": "marketdata.exchanges.binance.venue:BinanceAdapter",
    "binance-usdm": "marketdata.exchanges.binance_usdm.venue:BinanceUsdmAdapter",
    "bingx": "marketdata.exchanges.bingx.venue:BingxAdapter",
    "coinbase": "marketdata.exchanges.coinbase.venue:CoinbaseAdapter",
    "kraken": "marketdata.exchanges.kraken.venue:KrakenAdapter",
    "kucoin": "marketdata.exchanges.kucoin.venue:KucoinAdapter",
    "kucoin-futures": "marketdata.exchanges.kucoin_futures.venue:KucoinFuturesAdapter",
    "upstox": "marketdata.exchanges.upstox.venue:UpstoxAdapter",
}


class UnknownAdapter(LookupError):
    """No adapter has this name."""


def adapter_names() -> list[str]:
    return sorted(_ADAPTERS)


def get_adapter(name: str) -> Adapter:
    """Return the adapter called `name`. Raises UnknownAdapter, which lists the known ones."""
    try:
        module_name, _, attribute = _ADAPTERS[name].partition(":")
    except KeyError:
        known = ", ".join(adapter_names())
        raise UnknownAdapter(f"There is no exchange adapter called {name!r}. Known adapters: {known}.") from None
    factory: Callable[[], Adapter] = getattr(import_module(module_name), attribute)
    return factory()
