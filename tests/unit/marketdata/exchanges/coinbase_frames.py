"""Coinbase's frames for tests: today's recording, and that of 2021 in today's envelope."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime

from tests.unit.marketdata.captures import read_cryptofeed_capture
from tests.unit.marketdata.cast import CAPTURES

LEGACY_CAPTURE = CAPTURES / "coinbase_legacy_20210417.ws.gz"
LEGACY_SYMBOLS = {
    name: name.replace("-", "/")
    for name in (
        "SKL-USD", "SKL-BTC", "BAND-GBP", "NMR-EUR", "BAND-BTC", "YFI-BTC", "DASH-BTC", "NU-GBP", "CRV-EUR", "SKL-GBP",
    )
}  # fmt: skip


def recorded() -> tuple[list[bytes], list[bytes]]:
    """Two connections of 2026: one with trades, one with tickers."""
    frames = (CAPTURES / "coinbase_at.jsonl").read_bytes().splitlines()
    return frames[:3], frames[3:]


def legacy_frames() -> Iterator[bytes]:
    """Yield what was recorded in 2021, with the same digits, in today's envelope and counted."""
    sequence = 0
    for captured in read_cryptofeed_capture(LEGACY_CAPTURE):
        told = _today(json.loads(captured.payload))
        if told is not None:
            channel, events = told
            when = f"{datetime.fromtimestamp(captured.ts_init // 1_000_000_000, UTC):%Y-%m-%dT%H:%M:%S}.000000Z"
            yield frame(channel, sequence, *events, when=when)
            sequence += 1


def frame(channel: str, sequence: int, *events: dict, when: str = "2026-08-12T19:27:48.098821666Z") -> bytes:
    message = {"channel": channel, "client_id": "", "timestamp": when, "sequence_num": sequence, "events": events}
    return json.dumps(message, separators=(",", ":")).encode()


def book_event(kind: str, product_id: str, bids=(), asks=()) -> dict:
    """`bids` and `asks` are (price, size) texts."""
    return {
        "type": kind,
        "product_id": product_id,
        "updates": [
            {"side": side, "event_time": "1970-01-01T00:00:00Z", "price_level": price, "new_quantity": size}
            for side, levels in (("bid", bids), ("offer", asks))
            for price, size in levels
        ],
    }


def _today(message: dict) -> tuple[str, list[dict]] | None:
    kind, product = message["type"], message.get("product_id", "")
    if kind == "snapshot":
        return "l2_data", [book_event("snapshot", product, message["bids"], message["asks"])]
    if kind == "l2update":
        sides = {"buy": "bid", "sell": "offer"}
        event = book_event("update", product)
        event["updates"] = [
            {"side": sides[side], "event_time": message["time"], "price_level": price, "new_quantity": size}
            for side, price, size in message["changes"]
        ]
        return "l2_data", [event]
    if kind in ("match", "last_match"):
        trade = {
            "product_id": product,
            "trade_id": str(message["trade_id"]),
            "price": message["price"],
            "size": message["size"],
            "time": message["time"],
            "side": message["side"].upper(),
        }
        return "market_trades", [{"type": "update" if kind == "match" else "snapshot", "trades": [trade]}]
    if kind == "ticker":
        change = (float(message["price"]) / float(message["open_24h"]) - 1) * 100
        ticker = {
            "type": "ticker",
            "product_id": product,
            "price": message["price"],
            "volume_24_h": message["volume_24h"],
            "low_24_h": message["low_24h"],
            "high_24_h": message["high_24h"],
            "price_percent_chg_24_h": f"{change:.14f}",
        }
        return "ticker", [{"type": "update", "tickers": [ticker]}]
    if kind == "subscriptions":
        return "subscriptions", [{"subscriptions": {"level2": message["channels"][0]["product_ids"]}}]
    return None
