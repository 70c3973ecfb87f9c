"""Which cached prices the monitor trades on."""

import msgspec
import pytest

from bots.monitor.markets import FRESH_NS, Market, is_fresh
from marketdata.cache import LatestQuote

NOW_NS = 1_763_700_000_000_000_000
QUOTE = LatestQuote(
    exchange="simulated", symbol="BTC/USDT", bid=99.0, bid_size=1.0, ask=101.0, ask_size=2.0, last=100.0, volume=None,
    quote_volume=None, change=None, volatility=None, state="live", source="websocket", reason="", ts_event=5,
    ts_init=NOW_NS, now_ns=7,
)  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "fresh"),
    [
        ({}, True),
        ({"state": "fallback"}, True),
        ({"ts_init": NOW_NS - FRESH_NS}, True),
        ({"ts_init": NOW_NS - FRESH_NS - 1}, False),
        ({"state": "stale"}, False),
        ({"state": "resyncing"}, False),
        ({"state": "disconnected"}, False),
        ({"bid": 101.5}, False),
        ({"bid": 0.0}, False),
        ({"ask": float("nan")}, False),
    ],
)
def test_fresh_is_current_sane_and_recent(changes: dict[str, object], fresh: bool) -> None:
    assert is_fresh(msgspec.structs.replace(QUOTE, **changes), NOW_NS) is fresh


def test_under_replay_orders_are_decided_at_the_streams_time() -> None:
    market = Market(quote=QUOTE)
    assert market.trade_ns(NOW_NS, stream_clock=True) == 7
    assert market.trade_ns(NOW_NS, stream_clock=False) == NOW_NS


def test_the_top_of_the_book_is_the_quote() -> None:
    top = Market(quote=QUOTE).top
    assert (top.symbol, top.bid, top.bid_size, top.ask, top.ask_size, top.ts_init) == (
        "BTC/USDT", 99.0, 1.0, 101.0, 2.0, NOW_NS,
    )  # fmt: skip
