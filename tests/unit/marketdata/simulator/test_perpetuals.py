"""Perpetuals follow their spot markets, and bursts leave books and tapes consistent."""

from marketdata.simulator.bars import BarQuery
from marketdata.simulator.market import TradeQuery
from marketdata.simulator.symbols import CATALOG
from marketdata.simulator.synthetic import SyntheticMarket
from marketdata.simulator.usdm.perpetuals import PREMIUM, perpetual_markets

START_MS = 1_770_000_000_000
LISTED_MS = START_MS - START_MS % 86_400_000 - 2 * 86_400_000
BTC = CATALOG["BTC/USDT"]


def spot() -> SyntheticMarket:
    return SyntheticMarket(BTC, seed=5, rate=20, listed_ms=LISTED_MS, now_ms=START_MS)


def perpetual() -> SyntheticMarket:
    markets = perpetual_markets([BTC], seed=5, rate=20, listed_ms=LISTED_MS, now_ms=START_MS)
    return markets["BTCUSDT"]


def closes(market: SyntheticMarket) -> list[float]:
    return [float(str(bar[4])) for bar in market.bars(BarQuery(width_ms=3_600_000, limit=24))]


def test_it_keeps_near_the_spot_price_with_trades_of_its_own() -> None:
    pairs = list(zip(closes(spot()), closes(perpetual()), strict=True))
    premiums = [perpetual / spot - 1 for spot, perpetual in pairs]
    assert max(abs(premium - PREMIUM) for premium in premiums) < 0.005
    assert len(set(premiums)) > 12
    ours, theirs = (market.trades(TradeQuery(limit=50)) for market in (spot(), perpetual()))
    assert [trade.buyer_is_maker for trade in ours] != [trade.buyer_is_maker for trade in theirs]


def test_only_what_is_quoted_in_dollars_has_one() -> None:
    assert list(perpetual_markets([BTC], seed=1, rate=1, listed_ms=LISTED_MS, now_ms=START_MS)) == ["BTCUSDT"]


def test_a_burst_of_trades_keeps_ids_without_a_hole() -> None:
    market = spot()
    before = market.trades(TradeQuery(limit=1))[-1].id
    burst = [market.print_again().id for _ in range(100)]
    later = [step.trade.id for step in (market.advance() for _ in range(200)) if step.trade is not None]
    ids = [before, *burst, *later]
    assert ids == list(range(before, before + len(ids)))
    assert [trade.id for trade in market.trades(TradeQuery(limit=10))] == later[-10:]
    assert market.trades(TradeQuery(limit=3, from_id=later[0]))[0].id == later[0]


def test_a_burst_of_quotes_is_in_the_next_depth_frame() -> None:
    market = spot()
    market.depth_changes()
    last = market.update_id
    for _ in range(50):
        market.resize_best_bid()
    changes = market.depth_changes()
    assert changes is not None
    assert changes[:2] == (last + 1, last + 50)
    best = market.best()
    assert (best.bid, best.bid_size) in changes[2]
    assert market.bids(1) == [(best.bid, best.bid_size)]
