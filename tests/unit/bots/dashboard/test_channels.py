"""Names of channels."""

import pytest

from bots.dashboard.channels import Market, Topic, UnknownChannel, parse_channel


@pytest.mark.parametrize(
    ("name", "channel"),
    [
        ("orders", Topic.ORDERS),
        ("prices:simulated:BTC/USDT", Market(exchange="simulated", symbol="BTC/USDT")),
        ("prices:binance:BTC/USDT:USDT", Market(exchange="binance", symbol="BTC/USDT:USDT")),
        ("candles:binance:BTC/USDT:1m", Market(exchange="binance", symbol="BTC/USDT", timeframe="1m")),
        ("candles:binance:BTC/USDT:USDT:4h", Market(exchange="binance", symbol="BTC/USDT:USDT", timeframe="4h")),
        ("prices:upstox:NIFTY 50", Market(exchange="upstox", symbol="NIFTY 50")),
    ],
)
def test_channels_that_there_are(name, channel):
    assert parse_channel(name) == channel


@pytest.mark.parametrize(
    "name",
    ["", "user.7", "prices", "prices:simulated:", "prices:SIM:BTC/USDT", "candles:simulated:BTC/USDT",
     "candles:simulated:BTC/USDT:7m", "prices:a:b*c", "prices:a:" + "x" * 99, 7, None, "orders\n"],
)  # fmt: skip
def test_others_are_refused_with_what_there_is(name):
    with pytest.raises(UnknownChannel, match="There are bots, orders"):
        parse_channel(name)
