from marketdata.clock import OffsetClock
from marketdata.stream import SymbolStream
from tests.unit.marketdata.cast import T0, quote


def test_a_mid_is_shown_without_the_dust_of_binary_halves():
    stream = SymbolStream(exchange="binance", symbol="BTC/USDT", clock=OffsetClock())
    assert stream.last_price is None
    stream.connected(T0)
    stream.receive(quote(28.81, 28.82))
    assert (28.81 + 28.82) / 2 != 28.815
    assert stream.last_price == 28.815
