"""Upstox's feed v3: every kind of frame gives exactly the records that it tells of."""

import msgspec
import pytest

from marketdata.events import OpenInterest, QuoteTick, Ticker, TradeTick
from marketdata.exchanges.adapter import BookImage, MalformedFrame, Notice, NoticeKind, UnknownVenueSymbol
from marketdata.exchanges.catalog import get_adapter
from marketdata.exchanges.upstox.messages import UpstoxParser
from marketdata.schemas.upstox_feed_v3_pb2 import FeedResponse, Type
from tests.unit.marketdata.exchanges.upstox_frames import (
    LEVELS,
    MS,
    NIFTY,
    RELIANCE,
    SYMBOLS,
    T0,
    frame,
    greeks,
    index,
    last_price,
    market,
    market_info,
)


@pytest.fixture
def parser() -> UpstoxParser:
    return UpstoxParser(exchange="upstox", symbols=SYMBOLS)


def parse(parser: UpstoxParser, **feeds):
    return parser.parse(frame(**feeds), ts_init=7)


def trades(events) -> list[TradeTick]:
    return [event for event in events if isinstance(event, TradeTick)]


def a_trade(**changes) -> TradeTick:
    trade = TradeTick(
        exchange="upstox", symbol="RELIANCE/INR", price=1313.7, size=1_402.0, buyer_is_maker=False,
        trade_id=(T0 + 1_517) * 1_000, ts_event=(T0 + 1_517) * MS, ts_init=7,
    )  # fmt: skip
    return msgspec.structs.replace(trade, **changes)


def test_first_frame_tells_quote_book_and_day_but_no_print_of_before(parser):
    assert parse(parser, live=False, reliance=market()) == [
        QuoteTick(
            exchange="upstox", symbol="RELIANCE/INR", bid=1313.65, bid_size=570, ask=1313.7, ask_size=746,
            ts_event=(T0 + 400) * MS, ts_init=7, update_id=(T0 + 400) * 1_000,
        ),
        BookImage(
            exchange="upstox", symbol="RELIANCE/INR", bids=tuple((bid, size) for size, bid, _, _ in LEVELS),
            asks=tuple((ask, size) for _, _, size, ask in LEVELS), update_id=(T0 + 400) * 1_000, ts_init=7,
            ts_event=(T0 + 400) * MS, from_stream=True,
        ),
        Ticker(
            exchange="upstox", symbol="RELIANCE/INR", last=1313.7, change=1313.7 / 1309.85 - 1, high=1316.2, low=1302.15,
            volume=7_790_518.0, quote_volume=1310.68 * 7_790_518, ts_event=(T0 + 400) * MS, ts_init=7,
        ),
    ]  # fmt: skip


def test_print_is_what_the_days_volume_grew_by_not_only_the_last_trade(parser):
    parse(parser, live=False, reliance=market())
    without_levels = market(time_ms=T0 + 1_517, size=234, volume=7_791_920, levels=())
    assert parse(parser, now_ms=T0 + 700, reliance=without_levels) == [a_trade()]


def test_prints_of_a_day_add_up_to_its_volume(parser):
    parse(parser, live=False, reliance=market())
    volumes = (7_791_920, 7_792_028, 7_792_030, 7_792_081, 7_792_081)
    sizes = [
        trade.size
        for number, volume in enumerate(volumes)
        for trade in trades(parse(parser, reliance=market(time_ms=T0 + number, size=5, volume=volume)))
    ]
    assert sizes == [1_402.0, 108.0, 2.0, 51.0]


def test_frame_without_a_print_tells_only_the_book(parser):
    parse(parser, live=False, reliance=market())
    again = parse(parser, reliance=market(levels=((1, 1313.6, 2, 1313.7),)))
    assert [type(event) for event in again] == [QuoteTick, BookImage]
    assert (again[0].bid, again[0].bid_size, again[0].update_id) == (1313.6, 1, (T0 + 400) * 1_000 + 1)


@pytest.mark.parametrize(
    ("prices", "sold"),
    [
        ((1313.7,), (False,)),
        ((1313.65,), (True,)),
        # At the middle of the quotes the last change of the price decides, and without one the side before.
        ((1313.675,), (True,)),
        ((1313.65, 1313.675, 1313.675), (True, False, False)),
    ],
)
def test_who_crossed_the_spread_is_judged_by_quote_then_by_tick(parser, prices, sold):
    parse(parser, live=False, reliance=market(price=1313.7))
    found = [
        trades(parse(parser, reliance=market(price=price, time_ms=T0 + n, volume=7_790_519 + n)))[0].buyer_is_maker
        for n, price in enumerate(prices)
    ]
    assert tuple(found) == sold


def test_ids_grow_within_a_millisecond(parser):
    parse(parser, live=False, reliance=market())
    ids = [trades(parse(parser, reliance=market(volume=7_790_519 + n)))[0].trade_id for n in range(3)]
    assert ids == [T0 * 1_000, T0 * 1_000 + 1, T0 * 1_000 + 2]


def test_first_print_of_a_new_day_counts_from_nothing(parser):
    parse(parser, live=False, reliance=market())
    tomorrow = T0 + 70_000_000
    frame_of_it = frame(now_ms=tomorrow, reliance=market(time_ms=tomorrow, volume=1_200))
    assert trades(parser.parse(frame_of_it, ts_init=7 + 70_000_000 * MS))[0].size == 1_200.0


def test_volume_that_shrinks_within_a_day_is_no_print(parser):
    parse(parser, live=False, reliance=market())
    assert trades(parse(parser, reliance=market(time_ms=T0 + 1, volume=7_000_000))) == []


def test_empty_side_is_told_as_zeros(parser):
    at_the_upper_circuit = ((570, 1313.65, 0, 0.0), (366, 1313.6, 0, 0.0))
    quote, image, *_ = parse(parser, live=False, reliance=market(levels=at_the_upper_circuit))
    assert (quote.bid, quote.bid_size, quote.ask, quote.ask_size) == (1313.65, 570, 0.0, 0.0)
    assert (image.bids, image.asks) == (((1313.65, 570), (1313.6, 366)), ())


def test_day_is_told_once_a_second(parser):
    counts = [
        sum(isinstance(event, Ticker) for event in parse(parser, now_ms=T0 // 1_000 * 1_000 + ms, reliance=market()))
        for ms in (0, 300, 999, 1_000, 1_001)
    ]
    assert counts == [1, 0, 0, 1, 0]


def test_open_interest_is_told_when_it_changes(parser):
    found = [
        event
        for oi in (210_000.0, 210_000.0, 210_075.0)
        for event in parse(parser, reliance=market(oi=oi))
        if isinstance(event, OpenInterest)
    ]
    assert [event.contracts for event in found] == [210_000.0, 210_075.0]


def test_index_has_prints_without_size_and_no_book(parser):
    first = parse(parser, live=False, nifty=index())
    assert [type(event) for event in first] == [Ticker]
    assert (first[0].last, first[0].change, first[0].volume) == (24_310.5, 24_310.5 / 24_600.0 - 1, 0.0)
    second = parse(parser, nifty=index(price=24_311.0, time_ms=T0 + 1_000))
    assert second == [
        a_trade(symbol="NIFTY/INR", price=24_311.0, size=0.0, trade_id=(T0 + 1_000) * 1_000, ts_event=(T0 + 1_000) * MS)
    ]
    assert parse(parser, nifty=index(price=24_311.0, time_ms=T0 + 1_000)) == []


def test_last_price_mode_tells_prints(parser):
    assert parse(parser, live=False, reliance=last_price()) == []
    (trade,) = parse(parser, reliance=last_price(price=1313.6, time_ms=T0 + 9, size=10))
    assert trade == a_trade(
        price=1313.6, size=10.0, buyer_is_maker=True, trade_id=(T0 + 9) * 1_000, ts_event=(T0 + 9) * MS
    )


def test_greeks_mode_tells_best_prices_and_open_interest(parser):
    quote, image, interest = parse(parser, live=False, reliance=greeks())
    assert (quote.bid, quote.ask, image.bids, image.asks) == (219.15, 219.3, ((219.15, 75),), ((219.3, 150),))
    assert interest.contracts == 62_925.0
    assert trades(parse(parser, reliance=greeks(time_ms=T0 + 1, volume=1_075)))[0].size == 75.0


def test_market_status_is_told_by_segment(parser):
    events = parser.parse(market_info(NSE_EQ="NORMAL_OPEN", NSE_INDEX="NORMAL_OPEN", MCX_FO="NORMAL_CLOSE"), ts_init=7)
    assert events == (
        Notice(
            kind=NoticeKind.MARKET_STATUS,
            ts_event=T0 * MS,
            message="normal open: NSE_EQ, NSE_INDEX; normal close: MCX_FO",
        ),
    )


def test_several_instruments_in_one_frame(parser):
    events = parse(parser, live=False, reliance=market(), nifty=index())
    assert {event.symbol for event in events} == {"RELIANCE/INR", "NIFTY/INR"}


def test_unknown_instrument_among_known_ones_is_passed_over(parser):
    assert parse(parser, live=False, OTHER=market(), nifty=index())
    with pytest.raises(UnknownVenueSymbol, match="OTHER"):
        parse(parser, OTHER=market())


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"{}",
        b'{"status":"failed"}',
        b"\xff" * 40,
        frame(reliance=market())[:-9],
        b"\x08\x07",
        FeedResponse(type=Type.market_info, currentTs=T0).SerializeToString(),
        frame(now_ms=-1, reliance=market()),
        frame(now_ms=2**62, reliance=market()),
        frame(reliance=market(time_ms=-5)),
        frame(reliance=market(time_ms=2**62)),
        frame(reliance=market(size=-1)),
        frame(reliance=market(volume=-1)),
    ],
)
def test_damaged_frames_are_named(parser, damaged):
    with pytest.raises(MalformedFrame):
        parser.parse(damaged, ts_init=7)


def at(parser: UpstoxParser, now_ms: int, heard_ms: int, **changes):
    return parser.parse(frame(now_ms=now_ms, reliance=market(**changes)), ts_init=heard_ms * MS)


def test_one_damaged_time_of_the_feed_does_not_make_what_follows_look_old(parser):
    at(parser, T0, T0)
    with pytest.raises(MalformedFrame, match=r"a time that jumps by 1000000\.0 s"):
        at(parser, T0 + 1_000_000_000 + 300, T0 + 300)
    (quote,) = [event for event in at(parser, T0 + 600, T0 + 600) if isinstance(event, QuoteTick)]
    assert (quote.update_id, quote.ts_event) == ((T0 + 600) * 1_000, (T0 + 600) * MS)


def test_a_clock_that_was_set_is_believed_with_the_second_frame(parser):
    at(parser, T0, T0)
    with pytest.raises(MalformedFrame, match="a time that jumps"):
        at(parser, T0 + 3_600_300, T0 + 300)
    assert at(parser, T0 + 3_600_600, T0 + 600)
    assert at(parser, T0 + 3_600_900, T0 + 900)


def test_a_pause_is_no_jump(parser):
    at(parser, T0, T0)
    assert at(parser, T0 + 900_000, T0 + 900_000)


def test_a_time_that_goes_back_far_is_named_once(parser):
    at(parser, T0, T0)
    with pytest.raises(MalformedFrame, match="a time that jumps by -1200"):
        at(parser, T0 - 1_200_000 + 300, T0 + 300)
    assert at(parser, T0 + 600, T0 + 600)[0].update_id == (T0 + 600) * 1_000


def test_a_time_that_goes_back_a_little_leaves_ids_growing(parser):
    ids = [at(parser, T0 + ms, T0 + heard)[0].update_id for ms, heard in ((0, 0), (-900, 300), (600, 600))]
    assert ids == [T0 * 1_000, T0 * 1_000 + 1, (T0 + 600) * 1_000]


def test_a_print_later_than_its_frame_is_named(parser):
    with pytest.raises(MalformedFrame, match=r"a print 60\.0 s later than its frame of RELIANCE/INR"):
        at(parser, T0, T0, time_ms=T0 + 60_000)


def test_volume_of_a_damaged_frame_is_in_the_next_print(parser):
    parse(parser, live=False, reliance=market(), nifty=index())
    with pytest.raises(MalformedFrame):
        parse(parser, reliance=market(time_ms=T0 + 1, volume=7_790_600), nifty=index(time_ms=-1))
    assert trades(parse(parser, reliance=market(time_ms=T0 + 2, volume=7_790_700)))[0].size == 182.0


def test_requests_are_binary_json_without_route():
    adapter = get_adapter("upstox")
    streams = [*adapter.streams(RELIANCE), *adapter.streams(NIFTY)]
    assert adapter.binary_requests
    assert adapter.subscribe(streams, request_id=3) == (
        b'{"guid":"3","method":"sub","data":{"mode":"full","instrumentKeys":'
        b'["NSE_EQ|INE002A01018","NSE_INDEX|Nifty 50"]}}'
    )
    assert adapter.unsubscribe(streams[:1], request_id=4) == (
        b'{"guid":"4","method":"unsub","data":{"instrumentKeys":["NSE_EQ|INE002A01018"]}}'
    )


def test_testnet_is_refused_with_what_to_do():
    with pytest.raises(ValueError, match="set the exchange's URLs"):
        get_adapter("upstox").endpoints("testnet")
