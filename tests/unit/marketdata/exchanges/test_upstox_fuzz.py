"""Ten thousand damaged frames: each gives a named error, or only what a slow reading of the same bytes gives too."""

from google.protobuf.json_format import MessageToDict

from marketdata.events import OpenInterest, QuoteTick, Ticker, TradeTick
from marketdata.exchanges.adapter import BookImage, MalformedFrame, Notice, VenueEvent
from marketdata.exchanges.upstox.messages import UpstoxParser
from marketdata.schemas.upstox_feed_v3_pb2 import FeedResponse
from tests.unit.marketdata.exchanges.upstox_frames import (
    SYMBOLS,
    T0,
    frame,
    greeks,
    index,
    last_price,
    market,
    market_info,
)
from tests.unit.marketdata.mutations import mutations

FRAMES = [
    frame(reliance=market(time_ms=T0 + 1_517, size=234, volume=7_791_920, oi=210_000.0)),
    frame(reliance=market(time_ms=T0 + 1_600, volume=7_792_028, levels=()), nifty=index(time_ms=T0 + 900)),
    frame(live=False, reliance=market(), nifty=index()),
    frame(reliance=last_price(time_ms=T0 + 2_000)),
    frame(nifty=greeks(time_ms=T0 + 3_000)),
    market_info(NSE_EQ="NORMAL_OPEN", NSE_FO="PRE_OPEN_START"),
]
BEFORE = frame(live=False, now_ms=T0, reliance=market(), nifty=index())


def part_of(feed: dict) -> dict:
    full = feed.get("fullFeed", {})
    return next(
        part
        for part in (
            full.get("marketFF"), full.get("indexFF"), feed.get("firstLevelWithGreeks"),
            {"ltpc": feed["ltpc"]} if "ltpc" in feed else None,
        )
        if part is not None
    )  # fmt: skip


def levels_of(part: dict) -> list[dict]:
    if "firstDepth" in part:
        return [part["firstDepth"]]
    return part.get("marketLevel", {}).get("bidAskQuote", [])


def size_of(part: dict, known: int) -> float:
    """What was traded since BEFORE, in which the day's volume was `known`."""
    volume = int(part.get("vtt", 0))
    return (
        float(part["ltpc"].get("ltq", 0))
        if volume == known == 0
        else float(volume - known if volume > known else volume)
    )


def side(levels: list[dict], price: str, size: str) -> list[tuple[float, int]]:
    return [(float(level.get(price, 0)), int(level.get(size, 0))) for level in levels]


def same(ours: object, theirs: object) -> bool:
    """Equal, not-a-number included."""
    return repr(ours) == repr(theirs) or ours == theirs


def check(event: VenueEvent, message: dict, parts: dict[str, dict]) -> None:
    if isinstance(event, Notice):
        assert all(segment in event.message for segment in message["marketInfo"]["segmentStatus"])
        return
    part = parts[event.symbol]
    last = part.get("ltpc", {})
    price, volume = float(last.get("ltp", 0)), int(part.get("vtt", 0))
    assert event.ts_event in {int(message.get("currentTs", 0)) * 1_000_000, int(last.get("ltt", 0)) * 1_000_000}
    match event:
        case TradeTick():
            assert message["type"] == "live_feed"
            assert same(event.price, price)
            assert event.size == size_of(part, 7_790_518 if event.symbol == "RELIANCE/INR" else 0) >= 0
        case QuoteTick():
            bids = [*side(levels_of(part), "bidP", "bidQ"), (0.0, 0)]
            asks = [*side(levels_of(part), "askP", "askQ"), (0.0, 0)]
            assert any(same((event.bid, event.bid_size), level) for level in bids)
            assert any(same((event.ask, event.ask_size), level) for level in asks)
        case BookImage():
            bids, asks = side(levels_of(part), "bidP", "bidQ"), side(levels_of(part), "askP", "askQ")
            assert same(list(event.bids), bids) or same(list(event.bids), [level for level in bids if level[1]])
            assert same(list(event.asks), asks) or same(list(event.asks), [level for level in asks if level[1]])
        case Ticker():
            days = [c for c in part["marketOHLC"]["ohlc"] if c.get("interval") == "1d"]
            assert (event.last, event.volume) == (price, volume)
            assert (event.high, event.low) == (days[0]["high"], days[0]["low"])
        case OpenInterest():
            assert event.contracts == part["oi"]
        case _:
            raise AssertionError(f"unexpected {event}")


def test_ten_thousand_damaged_frames_end_in_events_or_a_named_error():
    read = refused = 0
    for damaged in mutations(FRAMES, 10_000, seed=11):
        parser = UpstoxParser(exchange="upstox", symbols=SYMBOLS)
        parser.parse(BEFORE, ts_init=1)
        try:
            events = parser.parse(damaged, ts_init=2)
        except MalformedFrame:
            refused += 1
            continue
        message = MessageToDict(FeedResponse.FromString(damaged))
        parts = {SYMBOLS[key]: part_of(feed) for key, feed in message.get("feeds", {}).items() if key in SYMBOLS}
        for event in events:
            check(event, message, parts)
        read += 1
    assert read > 500
    assert refused > 500
