from collections import defaultdict

import pytest

from marketdata.simulator.bars import BarQuery
from marketdata.simulator.market import PublicTrade, TradeQuery, day_statistics
from marketdata.simulator.numbers import fmt, parse, times
from marketdata.simulator.symbols import find_spec
from marketdata.simulator.synthetic import SyntheticMarket

START_MS = 1_770_000_000_000
LISTED_MS = START_MS - START_MS % 86_400_000 - 2 * 86_400_000


def market(name: str = "BTC/USDT", *, now_ms: int = START_MS, rate: int = 20) -> SyntheticMarket:
    return SyntheticMarket(find_spec(name), seed=5, rate=rate, listed_ms=LISTED_MS, now_ms=now_ms)


def run(moving: SyntheticMarket, seconds: int) -> list[PublicTrade]:
    steps = [moving.advance() for _ in range(seconds * moving.rate)]
    return [step.trade for step in steps if step.trade is not None]


@pytest.mark.parametrize(("name", "rate"), [("BTC/USDT", 20), ("DOGE/USDT", 7), ("ADA/USDT", 1)])
def test_live_trades_add_up_to_exactly_the_bars_served(name: str, rate: int) -> None:
    moving = market(name, rate=rate)
    trades = run(moving, 300)
    by_minute: dict[int, list[PublicTrade]] = defaultdict(list)
    for trade in trades:
        by_minute[trade.time_ms // 60_000 * 60_000].append(trade)
    bars = {int(str(bar[0])): bar for bar in moving.bars(BarQuery(width_ms=60_000, limit=5))}
    # The first minute began before we listened.
    for opened in sorted(by_minute)[1:]:
        prices = [trade.price for trade in by_minute[opened]]
        volume = sum(trade.quantity for trade in by_minute[opened])
        value = sum(times(trade.price, trade.quantity) for trade in by_minute[opened])
        bought = sum(trade.quantity for trade in by_minute[opened] if not trade.buyer_is_maker)
        assert bars[opened][1:6] == [fmt(n) for n in (prices[0], max(prices), min(prices), prices[-1], volume)]
        assert bars[opened][7:10] == [fmt(value), len(prices), fmt(bought)]


def test_longer_bars_are_made_of_minutes() -> None:
    standing = market()
    minutes = standing.bars(BarQuery(width_ms=60_000, limit=1000))
    for hour in standing.bars(BarQuery(width_ms=3_600_000, limit=10))[:-1]:
        inside = [bar for bar in minutes if int(str(hour[0])) <= int(str(bar[0])) <= int(str(hour[6]))]
        assert len(inside) == 60
        assert (hour[1], hour[4]) == (inside[0][1], inside[-1][4])
        assert parse(str(hour[2])) == max(parse(str(bar[2])) for bar in inside)
        assert parse(str(hour[5])) == sum(parse(str(bar[5])) for bar in inside)


def test_a_restart_continues_the_same_path() -> None:
    running = market()
    before = run(running, 90)
    restarted = market(now_ms=running.now_ms())
    assert (restarted.bid, restarted.ask, restarted.slot) == (running.bid, running.ask, running.slot)
    assert restarted.bids(50) == running.bids(50)
    assert restarted.bars(BarQuery(width_ms=60_000)) == running.bars(BarQuery(width_ms=60_000))
    assert restarted.trades(TradeQuery(limit=50)) == before[-50:]
    assert run(restarted, 90) == run(running, 90)
    assert restarted.update_id > START_MS


def test_trade_ids_have_no_gap_and_trades_are_at_the_quotes() -> None:
    moving = market()
    ids = []
    for _ in range(4000):
        trade = moving.advance().trade
        assert moving.bid < moving.ask
        if trade is not None:
            best = moving.best()
            assert trade.price == (best.bid if trade.buyer_is_maker else best.ask)
            ids.append(trade.id)
    assert ids == list(range(ids[0], ids[0] + len(ids)))


def test_diffs_on_a_snapshot_rebuild_the_book() -> None:
    moving = market("SOL/USDT")
    bids, asks, last = dict(moving.bids(5000)), dict(moving.asks(5000)), moving.update_id
    moving.depth_changes()
    # Over the turn of a minute and a move of the window.
    for number in range(3000):
        moving.advance()
        if number % 2:
            changes = moving.depth_changes()
            assert changes is not None
            assert changes[0] == last + 1
            last = changes[1]
            for side, levels in ((bids, changes[2]), (asks, changes[3])):
                side.update(levels)
                for price in [price for price, size in side.items() if size == 0]:
                    del side[price]
    assert bids == dict(moving.bids(5000))
    assert asks == dict(moving.asks(5000))
    assert last == moving.update_id


def test_a_pause_is_skipped() -> None:
    moving = market()
    moving.skip_to(moving.slot + 60 * moving.rate)
    assert moving.now_ms() >= START_MS + 59_000
    assert moving.best().bid < moving.best().ask


def test_trades_are_found_by_id_and_by_time() -> None:
    standing = market()
    newest = standing.trades(TradeQuery(limit=300))
    assert standing.trades(TradeQuery(limit=10, from_id=newest[100].id)) == newest[100:110]
    span = TradeQuery(limit=1000, start_ms=newest[50].time_ms, end_ms=newest[60].time_ms)
    assert standing.trades(span) == newest[50:61]
    assert standing.trades(TradeQuery(from_id=newest[-1].id + 1)) == []


def test_day_statistics_agree_with_the_bars() -> None:
    standing = market()
    day = day_statistics(standing)
    assert parse(str(day["lowPrice"])) <= parse(str(day["lastPrice"])) <= parse(str(day["highPrice"]))
    assert int(str(day["lastId"])) - int(str(day["firstId"])) + 1 == day["count"]
