"""Mutated answers end in events of finite numbers or in MalformedAnswer, never in another error."""

import json
import math
from datetime import UTC, datetime
from typing import Any

import pytest

from marketdata.sources.answers import MalformedAnswer
from marketdata.sources.binance_futures import messages as binance
from marketdata.sources.deribit import messages as deribit
from marketdata.sources.deribit.chain import summarise
from marketdata.sources.deribit.flow import MINUTE_NS, flows
from marketdata.sources.fear_greed import read_index
from marketdata.sources.polling import NothingToDo
from marketdata.sources.rss.headlines import headlines, read_items
from tests.unit.marketdata.mutations import mutations

AT_MS = 1_750_000_000_000
BTC = binance.Perpetual(asset="BTC", symbol="BTCUSDT", units=1)
WHO: dict[str, Any] = {"source": "here", "ts_init": AT_MS * 1_000_000}
RATIO = {"symbol": "BTCUSDT", "longShortRatio": "1.5", "longAccount": "0.6", "timestamp": str(AT_MS)}


def body(value: object) -> bytes:
    return json.dumps(value).encode()


def names() -> list[str]:
    days = (datetime.fromtimestamp(AT_MS / 1000 + days * 86_400, tz=UTC) for days in (10, 50))
    return [
        f"BTC-{day.day}{day:%b%y}-{strike}-{side}".upper()
        for day in days
        for strike in (45_000, 50_000, 55_000, 58_000, 62_000, 66_000, 72_000, 80_000)
        for side in "CP"
    ]


def read_premiums(frame: bytes) -> list[Any]:
    rows = binance.read_premiums(frame)
    return [binance.premium(row, BTC, **WHO) for row in rows.values()]


def read_chain(frame: bytes) -> list[Any]:
    chain = deribit.read_chain(frame)
    try:
        event = summarise(
            chain.quotes, asset="BTC", index_price=chain.index_price, source="here", ts_event=chain.ts_event, ts_init=1
        )
    except NothingToDo:
        return []
    return [event]


def read_flow(frame: bytes) -> list[Any]:
    prints, _ = deribit.read_prints(frame)
    begin_ns = AT_MS * 1_000_000 // MINUTE_NS * MINUTE_NS
    return list(flows(prints, asset="BTC", begin_ns=begin_ns, end_ns=begin_ns + MINUTE_NS, **WHO))


def read_news(frame: bytes) -> list[Any]:
    return list(headlines(read_items(frame), assets=["BTC"], **WHO))


CASES: dict[str, tuple[Any, bytes]] = {
    "premiums": (read_premiums, body([{"symbol": "BTCUSDT", "markPrice": "2.5", "indexPrice": "2", "time": AT_MS}])),
    "interest": (
        lambda frame: binance.open_interest_history(frame, BTC, **WHO),
        body([{"sumOpenInterest": "20403.637", "timestamp": AT_MS}] * 2),
    ),
    "ratios": (lambda frame: binance.long_short(frame, BTC, scope="accounts", **WHO), body([RATIO, RATIO])),
    "quarter": (
        lambda frame: binance.quarter_premiums(frame, BTC, **WHO),
        body([{"indexPrice": "100", "futuresPrice": "101", "timestamp": AT_MS}]),
    ),
    "fundings": (
        lambda frame: binance.fundings(frame, BTC, intervals_h={}, before_ns=0, **WHO),
        body([{"fundingRate": "0.0001", "fundingTime": AT_MS}, {"fundingRate": "-0.1", "fundingTime": AT_MS + 1}]),
    ),
    "chain": (
        read_chain,
        body(
            {
                "result": [
                    {"instrument_name": name, "creation_timestamp": AT_MS, "underlying_price": 60_000.5,
                     "estimated_delivery_price": 60_000, "mark_iv": 55.5, "volume": 1.5, "open_interest": 2}
                    for name in names()
                ]
            }
        ),
    ),
    "flow": (
        read_flow,
        body(
            {
                "result": {
                    "trades": [
                        {"instrument_name": name, "timestamp": AT_MS, "direction": "buy", "amount": 0.5,
                         "index_price": 60_000, "iv": 50.0, "trade_id": name}
                        for name in names()
                    ],
                    "has_more": False,
                }
            }
        ),
    ),
    "index": (
        lambda frame: deribit.volatility_index(
            frame, asset="BTC", resolution_s=60, now_ns=AT_MS * 2_000_000, **WHO
        ),
        body({"result": {"data": [[AT_MS, 55, 56.5, 54, 55.5]], "continuation": None}}),
    ),
    "fear": (lambda frame: read_index(frame, **WHO), body({"data": [{"value": "40", "timestamp": "1750000000"}]})),
    "news": (
        read_news,
        b'<?xml version="1.0"?><rss version="2.0"><channel><item><title>BTC &amp; ETH</title><link>https://a.b/</link>'
        b"<pubDate>Sun, 15 Jun 2025 15:00:00 GMT</pubDate></item></channel></rss>",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_mutations(name):
    read, frame = CASES[name]
    assert read(frame)
    events = refused = 0
    for mutated in mutations([frame], 300 if name == "news" else 5_000, 1):
        try:
            found = read(mutated)
        except MalformedAnswer:
            refused += 1
            continue
        for event in found:
            events += 1
            numbers = [getattr(event, field) for field in event.__struct_fields__]
            assert all(math.isfinite(number) for number in numbers if isinstance(number, float))
            assert 0 <= event.ts_event < 2**63
    assert events > 0
    assert refused > 0
