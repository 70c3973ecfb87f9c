"""One symbol for browsers: BTC at 100, minutes from zero."""

from bots.dashboard.market import MarketView
from marketdata.events import Bar, Batch, FeedState, QuoteTick, TradeTick

MINUTE = 60_000_000_000
CANDLE = "candles:x:BTC/USDT:1m"


def batch(sequence: int, *events) -> Batch:
    return Batch(exchange="x", symbol="BTC/USDT", epoch=1, sequence=sequence, now_ns=0, events=events)


def trade(price: float, ts_event: int, size: float = 1.0) -> TradeTick:
    return TradeTick(
        exchange="x", symbol="BTC/USDT", price=price, size=size, buyer_is_maker=False, trade_id=1, ts_event=ts_event,
        ts_init=ts_event,
    )  # fmt: skip


def quote(bid: float, ask: float, ts_event: int = 1) -> QuoteTick:
    return QuoteTick(
        exchange="x", symbol="BTC/USDT", bid=bid, bid_size=1, ask=ask, ask_size=1, ts_event=ts_event, ts_init=ts_event
    )


def bar(ts_open: int, *, closed: bool, volume: float = 5.0) -> Bar:
    return Bar(
        exchange="x", symbol="BTC/USDT", timeframe="1m", ts_open=ts_open, ts_close=ts_open + MINUTE, open=99, high=102,
        low=98, close=100, volume=volume, taker_buy_volume=None, trades=3, closed=closed,
    )  # fmt: skip


def view(*forming: Bar, sequence: int = 0) -> MarketView:
    made = MarketView("x", "BTC/USDT")
    made.timeframes.add("1m")
    made.seed(forming, sequence=sequence)
    return made


def candles(made: MarketView) -> list[dict]:
    return [message for channel, message in made.drain() if channel == CANDLE]


def test_many_ticks_are_one_price():
    made = view()
    for number in range(50):
        made.take(batch(number, quote(99 + number, 101 + number)))
    (price,) = [message for channel, message in made.drain() if channel == "prices:x:BTC/USDT"]
    assert (price["bid"], price["ask"], price["price"]) == (148, 150, 149)
    assert made.drain() == []


def test_the_last_trade_is_the_price():
    made = view()
    made.take(batch(1, quote(99, 101), trade(100.5, 2)))
    assert made.price_message()["price"] == 100.5


def test_a_candle_goes_on_from_the_feeds_own():
    made = view(bar(0, closed=False), sequence=5)
    made.take(batch(6, trade(105, 10, size=2)))
    (candle,) = candles(made)
    assert (candle["open"], candle["high"], candle["low"], candle["close"], candle["volume"]) == (99, 105, 98, 105, 7)


def test_trades_that_the_feeds_candle_holds_do_not_count_twice():
    made = MarketView("x", "BTC/USDT")
    made.timeframes.add("1m")
    made.take(batch(5, trade(100, 10)))
    made.take(batch(6, trade(101, 11)))
    made.seed([bar(0, closed=False)], sequence=5)
    (candle,) = candles(made)
    assert (candle["volume"], candle["close"]) == (6, 101)


def test_a_second_seed_changes_nothing():
    made = view(bar(0, closed=False))
    made.take(batch(6, trade(105, 10)))
    made.seed([bar(0, closed=False)], sequence=6)
    assert candles(made)[0]["close"] == 105


def test_the_next_minute_begins_a_candle_and_an_old_trade_changes_none():
    made = view(bar(0, closed=False))
    made.take(batch(1, trade(110, MINUTE + 1), trade(50, 1)))
    (candle,) = candles(made)
    assert (candle["ts_open"], candle["time"], candle["open"], candle["low"]) == (MINUTE, 60, 110, 110)


def test_closed_bars_are_told_before_the_forming_one():
    made = view(bar(0, closed=False))
    made.take(batch(1, bar(0, closed=True), trade(110, MINUTE + 1)))
    assert [candle["closed"] for candle in candles(made)] == [True, False]


def test_who_comes_later_is_told_everything_again():
    made = view(bar(0, closed=False))
    made.take(batch(1, quote(99, 101)))
    made.drain()
    made.touch()
    assert {message["type"] for _, message in made.drain()} == {"price_update", "candle"}


def test_a_cached_price_is_shown_until_something_newer():
    made = view()
    made.take(batch(1, quote(99, 101, ts_event=10)))
    made.show(bid=1, ask=2, last=1.5, volume=3, ts_event=5)
    assert made.price_message()["bid"] == 99
    made.show(bid=1, ask=2, last=1.5, volume=3, ts_event=15)
    assert made.price_message()["bid"] == 1


def test_the_state_of_the_feed_is_told_once():
    made = view()
    state = FeedState(
        exchange="x", symbol="BTC/USDT", state="stale", source="websocket", reason="silent", ts_event=1, ts_init=1
    )
    made.take(batch(1, state))
    assert [(channel, message["state"]) for channel, message in made.drain()] == [("feeds", "stale")]
    assert made.drain() == []
