"""Frames of Upstox's feed v3, as the venue sends them."""

from marketdata.schemas.upstox_feed_v3_pb2 import Feed, FeedResponse, MarketStatus, RequestMode, Type

RELIANCE, NIFTY = "NSE_EQ|INE002A01018", "NSE_INDEX|Nifty 50"
SYMBOLS = {RELIANCE: "RELIANCE/INR", NIFTY: "NIFTY/INR"}
MS = 1_000_000
# 2025-03-19 08:46:37.241 UTC, 14:16 in India.
T0 = 1_742_373_997_241
LEVELS = (
    (570, 1313.65, 746, 1313.7),
    (366, 1313.6, 700, 1313.75),
    (384, 1313.55, 2020, 1313.8),
    (209, 1313.5, 1, 1313.85),
    (65, 1313.45, 1, 1313.9),
)


def frame(*, live: bool = True, now_ms: int = T0 + 400, **feeds: Feed) -> bytes:
    """`reliance` and `nifty` are the instruments; other names are unknown keys."""
    response = FeedResponse(type=Type.live_feed if live else Type.initial_feed, currentTs=now_ms)
    keys = {"reliance": RELIANCE, "nifty": NIFTY}
    for name, feed in feeds.items():
        response.feeds[keys.get(name, f"NSE_EQ|{name}")].CopyFrom(feed)
    return response.SerializeToString()


def market(
    *,
    price: float = 1313.7,
    time_ms: int = T0,
    size: int = 245,
    volume: int = 7_790_518,
    levels=LEVELS,
    oi: float = 0.0,
) -> Feed:
    feed = Feed(requestMode=RequestMode.full_d5)
    full = feed.fullFeed.marketFF
    full.ltpc.ltp, full.ltpc.ltt, full.ltpc.ltq, full.ltpc.cp = price, time_ms, size, 1309.85
    for bid_size, bid, ask_size, ask in levels:
        full.marketLevel.bidAskQuote.add(bidQ=bid_size, bidP=bid, askQ=ask_size, askP=ask)
    full.marketOHLC.ohlc.add(
        interval="1d", open=1305.6, high=1316.2, low=1302.15, close=price, vol=volume, ts=1_742_322_600_000
    )
    full.marketOHLC.ohlc.add(
        interval="I1", open=1312.75, high=1313.45, low=1312.6, close=1313.1, vol=45_682, ts=1_742_373_900_000
    )
    full.atp, full.vtt, full.oi, full.tbq, full.tsq = 1310.68, volume, oi, 359_157.0, 421_241.0
    return feed


def index(*, price: float = 24_310.5, time_ms: int = T0) -> Feed:
    feed = Feed(requestMode=RequestMode.full_d5)
    part = feed.fullFeed.indexFF
    part.ltpc.ltp, part.ltpc.ltt, part.ltpc.cp = price, time_ms, 24_600.0
    part.marketOHLC.ohlc.add(interval="1d", open=24_590.0, high=24_660.0, low=24_240.0, close=price)
    return feed


def last_price(*, price: float = 1313.7, time_ms: int = T0, size: int = 245) -> Feed:
    """What "ltpc" mode sends."""
    feed = Feed(requestMode=RequestMode.ltpc)
    feed.ltpc.ltp, feed.ltpc.ltt, feed.ltpc.ltq, feed.ltpc.cp = price, time_ms, size, 1309.85
    return feed


def greeks(*, price: float = 219.3, time_ms: int = T0, volume: int = 1_000) -> Feed:
    """What "option_greeks" mode sends."""
    feed = Feed(requestMode=RequestMode.option_greeks)
    first = feed.firstLevelWithGreeks
    first.ltpc.ltp, first.ltpc.ltt, first.ltpc.ltq, first.ltpc.cp = price, time_ms, 75, 494.05
    first.firstDepth.bidQ, first.firstDepth.bidP = 75, 219.15
    first.firstDepth.askQ, first.firstDepth.askP = 150, 219.3
    first.optionGreeks.delta = 0.42
    first.vtt, first.oi, first.iv = volume, 62_925.0, 0.19
    return feed


def market_info(**status_of: str) -> bytes:
    response = FeedResponse(type=Type.market_info, currentTs=T0)
    for segment, status in status_of.items():
        response.marketInfo.segmentStatus[segment] = MarketStatus.Value(status)
    return response.SerializeToString()
