import numpy as np
import pytest

from marketdata.simulator.path import Path
from marketdata.simulator.symbols import CATALOG, UnknownSymbolError, find_spec, split_id

MINUTES = np.arange(29_500_000, 29_500_300, dtype=np.int64)


def test_any_minute_alone_is_the_same_as_among_others() -> None:
    path = Path(find_spec("ETH/USDT"), seed=3, rate=20)
    together = path.trades(MINUTES)
    for place in (0, 17, 299):
        alone = path.trades(MINUTES[place : place + 1])
        assert (alone.price[0] == together.price[place]).all()
        assert (alone.quantity[0] == together.quantity[place]).all()
        assert (alone.buyer_is_maker[0] == together.buyer_is_maker[place]).all()


def test_another_seed_is_another_market() -> None:
    spec = find_spec("ETH/USDT")
    assert (
        Path(spec, seed=3, rate=20).trades(MINUTES[:1]).price != Path(spec, seed=4, rate=20).trades(MINUTES[:1]).price
    ).any()


@pytest.mark.parametrize("name", CATALOG)
def test_minutes_move_like_a_market(name: str) -> None:
    minutes = np.arange(29_000_000, 29_010_000, dtype=np.int64)
    returns = np.diff(Path(CATALOG[name], seed=1, rate=5).anchors(minutes)) * 1e4
    assert 6 < returns.std() < 20
    # Volatility clusters: large moves follow large moves.
    sizes = np.abs(returns)
    assert np.corrcoef(sizes[1:], sizes[:-1])[0, 1] > 0.1


def test_trades_bounce_between_bid_and_ask() -> None:
    prices = Path(find_spec("BTC/USDT"), seed=1, rate=20).trades(MINUTES).price.ravel().astype(float)
    moves = np.diff(prices)
    assert np.corrcoef(moves[1:], moves[:-1])[0, 1] < -0.1


def test_the_price_stays_bounded_over_years() -> None:
    minutes = np.arange(26_300_000, 30_000_000, 997, dtype=np.int64)
    spec = find_spec("BTC/USDT")
    price = np.exp(Path(spec, seed=1, rate=20).anchors(minutes))
    assert price.min() > spec.price / 4
    assert price.max() < spec.price * 4


def test_symbols_outside_the_catalog_have_rules_of_their_own() -> None:
    spec = find_spec("foo/usdt")
    assert (spec.id, spec.base, spec.quote) == ("FOOUSDT", "FOO", "USDT")
    assert spec == find_spec("FOO/USDT")
    assert spec.tick * spec.step >= 10**8


def test_a_name_without_a_quote_asset_is_refused() -> None:
    with pytest.raises(UnknownSymbolError, match="BASE/QUOTE"):
        find_spec("BTCUSDT")
    assert split_id("btcusdt") == "BTC/USDT"
    with pytest.raises(UnknownSymbolError, match="quote asset"):
        split_id("ABCXYZ")
