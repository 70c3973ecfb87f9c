import pytest

from marketdata.streams import StreamDataCollector

CANDLES = [[60_000, 1.0, 2.0, 0.5, 1.5, 10.0]]


async def test_the_newest_of_each_stream_is_given() -> None:
    collector = StreamDataCollector()
    assert collector.get_latest_ohlcv("bingx", "BTC/USDT", "1m") is None
    assert collector.get_latest_ticker("bingx", "BTC/USDT") is None
    await collector.ohlcv_callback("bingx", "BTC/USDT", "1m", CANDLES)
    newer = [[120_000, 1.5, 2.0, 1.0, 1.8, 5.0]]
    await collector.ohlcv_callback("bingx", "BTC/USDT", "1m", newer)
    await collector.ohlcv_callback("bingx", "BTC/USDT", "1m", [])
    await collector.ticker_callback("bingx", "BTC/USDT", {"last": 1.8})
    assert collector.get_latest_ohlcv("bingx", "BTC/USDT", "1m") == newer
    assert collector.get_ohlcv("bingx", "BTC/USDT", "1m") == [CANDLES, newer]
    assert collector.get_latest_ohlcv("bingx", "BTC/USDT", "5m") is None
    assert collector.get_latest_ohlcv("kucoinfutures", "BTC/USDT", "1m") is None
    assert collector.get_latest_ticker("bingx", "BTC/USDT") == {"last": 1.8}


async def test_no_more_than_the_buffers_size_is_kept() -> None:
    collector = StreamDataCollector(buffer_size=3)
    for price in range(10):
        await collector.ticker_callback("bingx", "BTC/USDT", {"last": price})
    assert [ticker["last"] for ticker in collector.get_tickers("bingx", "BTC/USDT")] == [7, 8, 9]
    with pytest.raises(ValueError, match="at least 1"):
        StreamDataCollector(buffer_size=0)


async def test_clear_forgets_everything() -> None:
    collector = StreamDataCollector()
    await collector.ohlcv_callback("bingx", "BTC/USDT", "1m", CANDLES)
    await collector.ticker_callback("bingx", "BTC/USDT", {"last": 1})
    collector.clear()
    assert collector.get_latest_ohlcv("bingx", "BTC/USDT", "1m") is None
    assert collector.get_tickers("bingx", "BTC/USDT") == []
