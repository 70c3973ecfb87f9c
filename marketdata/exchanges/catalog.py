"""Which adapters there are. A new venue is one folder and one line here; "ccxt:<id>" is any exchange of CCXT Pro."""

from collections.abc import Callable
from importlib import import_module

from marketdata.exchanges.adapter import Adapter

# Named, not imported, so that a process loads only the venues that it speaks to.
_ADAPTERS = {
    "binance": "marketdata.exchanges.binance.venue:BinanceAdapter",
    "binance-usdm": "marketdata.exchanges.binance_usdm.venue:BinanceUsdmAdapter",
    "bingx": "marketdata.exchanges.bingx.venue:BingxAdapter",
    "bingx-spot": "marketdata.exchanges.bingx.venue:BingxSpotAdapter",
    "coinbase": "marketdata.exchanges.coinbase.venue:CoinbaseAdapter",
    "kraken": "marketdata.exchanges.kraken.venue:KrakenAdapter",
    "kucoin": "marketdata.exchanges.kucoin.venue:KucoinAdapter",
    "kucoin-futures": "marketdata.exchanges.kucoin.futures_venue:KucoinFuturesAdapter",
    "upstox": "marketdata.exchanges.upstox.venue:UpstoxAdapter",
}


_CCXT = "ccxt:"

# Those that the simulated exchange can stand in for.
SIMULATED = frozenset({"binance", "binance-usdm", "upstox", "ccxt:binance"})


class UnknownAdapter(LookupError):
    """No adapter has this name."""


def adapter_names() -> list[str]:
    return sorted(_ADAPTERS)


def get_adapter(name: str) -> Adapter:
    """Return the adapter called `name`. Raises UnknownAdapter, which lists the known ones, or those alike of ccxt."""
    if name.startswith(_CCXT):
        return _get_ccxt_adapter(name.removeprefix(_CCXT))
    try:
        module_name, _, attribute = _ADAPTERS[name].partition(":")
    except KeyError:
        known = ", ".join(adapter_names())
        raise UnknownAdapter(
            f"There is no exchange adapter called {name!r}. Known adapters: {known}, "
            "and ccxt:<id> for any other exchange of CCXT Pro."
        ) from None
    factory: Callable[[], Adapter] = getattr(import_module(module_name), attribute)
    return factory()


def _get_ccxt_adapter(exchange_id: str) -> Adapter:
    from marketdata.ccxtpro.names import UnknownExchange
    from marketdata.exchanges.ccxtpro import CcxtAdapter

    try:
        return CcxtAdapter(exchange_id)
    except UnknownExchange as error:
        raise UnknownAdapter(str(error)) from None
