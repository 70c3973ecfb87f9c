"""A second opinion on Binance's frames: json and Decimal, field by field, slowly."""

import json
from decimal import Decimal
from typing import Any

from marketdata.events import Bar, BookDelta, Funding, Liquidation, Premium, QuoteTick, Ticker, TradeTick
from marketdata.exchanges.adapter import BookImage, VenueEvent

_MS = 1_000_000


def payload_of(frame: bytes) -> dict[str, Any]:
    """Strings that nobody looks at may hold bytes that are no UTF-8."""
    text = frame.decode("utf-8", "surrogateescape")
    document = json.loads(text, parse_float=Decimal, strict=False)
    return document["data"] if document.get("stream") else document


def number(value: object) -> float:
    assert isinstance(value, str | int | Decimal)
    assert not isinstance(value, bool)
    decimal = Decimal(value)
    assert decimal.is_finite()
    assert decimal >= 0
    return float(decimal)


def whole(value: object) -> int:
    assert isinstance(value, str | int | Decimal)
    decimal = Decimal(value)
    # A whole number may be written as 1.0 or 1e3, and then has the precision of a float.
    assert decimal == int(decimal) or float(decimal).is_integer()
    assert 0 <= decimal < 2**63
    return int(decimal)


def levels(value: list[list[object]]) -> tuple[tuple[float, float], ...]:
    return tuple((number(price), number(size)) for price, size in value)


def confirm(event: VenueEvent, frame: bytes, symbols: dict[str, str]) -> bool:
    """Assert that every price, size, id, time and symbol of an event is what the frame says.

    Gives False for what is no market data.
    """
    if not isinstance(event, _KINDS):
        return False
    data = payload_of(frame)
    venue_symbol = data["o"]["s"] if isinstance(event, Liquidation) else data.get("s", "")
    if isinstance(event, BookImage):
        assert (event.bids, event.asks) == (levels(data["bids"]), levels(data["asks"]))
        assert event.update_id == whole(data["lastUpdateId"])
        return True
    assert event.symbol == symbols[venue_symbol]
    _CONFIRM[type(event)](event, data)
    return True


def _trade(event: TradeTick, data: dict[str, Any]) -> None:
    assert (event.price, event.size) == (number(data["p"]), number(data["q"]))
    assert event.trade_id == whole(data["l"] if data["e"] == "aggTrade" else data["t"])
    assert event.ts_event == whole(data["T"]) * _MS


def _quote(event: QuoteTick, data: dict[str, Any]) -> None:
    assert (event.bid, event.bid_size) == (number(data["b"]), number(data["B"]))
    assert (event.ask, event.ask_size) == (number(data["a"]), number(data["A"]))
    assert event.update_id == whole(data["u"])
    assert event.ts_event in (0, whole(data.get("T", 0)) * _MS)


def _delta(event: BookDelta, data: dict[str, Any]) -> None:
    assert (event.bids, event.asks) == (levels(data["b"]), levels(data["a"]))
    first = whole(data["pu"]) + 1 if "pu" in data else whole(data["U"])
    assert (event.first_update_id, event.last_update_id) == (first, whole(data["u"]))
    assert event.ts_event == whole(data["E"]) * _MS


def _bar(event: Bar, data: dict[str, Any]) -> None:
    candle = data["k"]
    told = (event.open, event.high, event.low, event.close, event.volume, event.taker_buy_volume)
    assert told == tuple(number(candle[name]) for name in "ohlcvV")
    assert (event.ts_open, event.timeframe) == (whole(candle["t"]) * _MS, candle["i"])
    assert event.ts_close == (whole(candle["T"]) + 1) * _MS


def _ticker(event: Ticker, data: dict[str, Any]) -> None:
    told = (event.last, event.high, event.low, event.volume, event.quote_volume)
    assert told == tuple(number(data[name]) for name in "chlvq")
    opened = number(data["o"])
    assert event.change == (event.last / opened - 1 if opened else 0.0)


def _premium(event: Premium, data: dict[str, Any]) -> None:
    assert (event.mark, event.index) == (number(data["p"]), number(data["i"]))
    assert event.ts_event == whole(data["E"]) * _MS


def _funding(event: Funding, data: dict[str, Any]) -> None:
    assert event.rate == float(Decimal(data["r"]))


def _liquidation(event: Liquidation, data: dict[str, Any]) -> None:
    order = data["o"]
    assert event.price == (number(order["ap"]) or number(order["p"]))
    assert (event.size, event.side) == (number(order["q"]), order["S"].lower())
    assert event.ts_event == whole(order["T"]) * _MS


_CONFIRM: dict[type, Any] = {
    TradeTick: _trade,
    QuoteTick: _quote,
    BookDelta: _delta,
    Bar: _bar,
    Ticker: _ticker,
    Premium: _premium,
    Funding: _funding,
    Liquidation: _liquidation,
}
_KINDS = (*_CONFIRM, BookImage)
