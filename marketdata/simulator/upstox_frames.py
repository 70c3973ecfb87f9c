"""What the simulated Upstox sends: frames of the feed v3 and JSON, as the venue documents them."""

from datetime import UTC, datetime, timedelta, timezone

from marketdata.schemas.upstox_feed_v3_pb2 import OHLC, Feed, FeedResponse, MarketStatus, RequestMode, Type
from marketdata.simulator.noise import Ints
from marketdata.simulator.upstox_market import DAY_MS, IST_MS, MINUTE_MS, Print, UpstoxMarket, day_of

_IST = timezone(timedelta(hours=5, minutes=30))
SEGMENTS = ("NSE_EQ", "NSE_INDEX", "NSE_FO")


def market_info(now_ms: int) -> bytes:
    """The first frame of a socket: here every segment is always open."""
    response = FeedResponse(type=Type.market_info, currentTs=now_ms)
    for segment in SEGMENTS:
        response.marketInfo.segmentStatus[segment] = MarketStatus.NORMAL_OPEN
    return bytes(response.SerializeToString())


def feed_frame(markets: list[UpstoxMarket], now_ms: int, *, initial: bool = False) -> bytes:
    """The instruments as they stand. Live frames leave the levels out now and then, as the venue's do."""
    response = FeedResponse(type=Type.initial_feed if initial else Type.live_feed, currentTs=now_ms)
    for market in markets:
        newest = market.print_at(now_ms)
        with_levels = initial or newest.volume % 8 != 0
        _fill(response.feeds[market.spec.key], market, newest, with_levels=with_levels)
    return bytes(response.SerializeToString())


def _fill(feed: Feed, market: UpstoxMarket, newest: Print, *, with_levels: bool) -> None:
    rupees = market.spec.tick_paise / 100
    feed.requestMode = RequestMode.full_d5
    full = feed.fullFeed.marketFF
    full.ltpc.ltp = _rupees(newest.price, market)
    full.ltpc.ltt = newest.time_ms
    full.ltpc.ltq = newest.last_volume
    full.ltpc.cp = _rupees(market.previous_close(newest.time_ms), market)
    if with_levels:
        for (bid, bid_size), (ask, ask_size) in zip(newest.bids, newest.asks, strict=True):
            full.marketLevel.bidAskQuote.add(
                bidQ=bid_size, bidP=_rupees(bid, market), askQ=ask_size, askP=_rupees(ask, market)
            )
    full.marketOHLC.ohlc.add(
        interval="1d", open=_rupees(newest.opened, market), high=_rupees(newest.high, market),
        low=_rupees(newest.low, market), close=full.ltpc.ltp, vol=newest.volume,
        ts=day_of(newest.time_ms) * DAY_MS - IST_MS,
    )  # fmt: skip
    _fill_minute(full.marketOHLC.ohlc.add(interval="I1"), market, newest.time_ms)
    full.atp = round(newest.turnover / newest.volume * rupees, 2)
    full.vtt = newest.volume
    full.tbq = float(sum(size for _, size in newest.bids))
    full.tsq = float(sum(size for _, size in newest.asks))


def _fill_minute(candle: OHLC, market: UpstoxMarket, time_ms: int) -> None:
    """The last whole minute."""
    end_ms = time_ms // MINUTE_MS * MINUTE_MS
    begin_ms = end_ms - MINUTE_MS
    rows = market.candles(day_of(begin_ms), 1, since_ms=begin_ms, until_ms=end_ms - 1).tolist()
    for start, opened, high, low, close, volume in rows:
        candle.open, candle.high = _rupees(opened, market), _rupees(high, market)
        candle.low, candle.close = _rupees(low, market), _rupees(close, market)
        candle.vol, candle.ts = volume, start


def candles(rows: list[Ints], market: UpstoxMarket) -> list[list[object]]:
    """Newest first. `rows` are those of days, oldest first."""
    return [
        [iso(start), *(_rupees(price, market) for price in prices), volume, 0]
        for day in reversed(rows)
        for start, *prices, volume in reversed(day.tolist())
    ]


def quote(market: UpstoxMarket, now_ms: int) -> dict[str, object]:
    """A full market quote."""
    newest = market.print_at(now_ms)
    last, before = _rupees(newest.price, market), _rupees(market.previous_close(now_ms), market)
    return {
        "ohlc": {
            "open": _rupees(newest.opened, market),
            "high": _rupees(newest.high, market),
            "low": _rupees(newest.low, market),
            "close": before,
        },
        "depth": {"buy": _side(newest.bids, market), "sell": _side(newest.asks, market)},
        "timestamp": iso(now_ms),
        "instrument_token": market.spec.key,
        "symbol": market.spec.trading_symbol,
        "last_price": last,
        "volume": newest.volume,
        "average_price": round(newest.turnover / newest.volume * market.spec.tick_paise / 100, 2),
        "oi": 0,
        "net_change": round(last - before, 2),
        "last_trade_time": str(newest.time_ms),
    }  # fmt: skip


def instrument(market: UpstoxMarket) -> dict[str, object]:
    """A row of the instruments file. The index has a lot and a tick here, for it can be traded."""
    spec = market.spec
    return {
        "segment": spec.segment,
        "name": spec.name,
        "exchange": "NSE",
        "instrument_type": spec.instrument_type,
        "instrument_key": spec.key,
        "lot_size": 1,
        "freeze_quantity": float(spec.freeze_quantity),
        "tick_size": float(spec.tick_paise),
        "trading_symbol": spec.trading_symbol,
    }


def iso(time_ms: int) -> str:
    """Time in India."""
    moment = datetime.fromtimestamp(time_ms // 1_000, UTC).astimezone(_IST).replace(microsecond=time_ms % 1_000 * 1_000)
    return moment.isoformat(timespec="milliseconds" if time_ms % 1_000 else "seconds")


def _side(levels: list[tuple[int, int]], market: UpstoxMarket) -> list[dict[str, object]]:
    return [{"quantity": size, "price": _rupees(price, market), "orders": 1 + size % 7} for price, size in levels]


def _rupees(ticks: int, market: UpstoxMarket) -> float:
    return round(ticks * market.spec.tick_paise / 100, 2)
