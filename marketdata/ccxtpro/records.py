"""ccxt's unified structures (dictionaries) as our records. Sizes in contracts become sizes in base."""

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from marketdata.events import TIMEFRAME_SECONDS, Bar, Level, QuoteTick, Ticker, Timeframe, TradeTick
from marketdata.exchanges.adapter import Listing

NS_PER_MS = 1_000_000
NS_PER_US = 1_000
_MAX_MS = 2**63 // NS_PER_MS
# A venue that tells no step: the finest that is of use.
_FINEST = Decimal("0.00000001")
_TICK_SIZE = 4
_DECIMAL_PLACES = 2
_KINDS = {"spot": "spot", "swap": "perpetual"}


def base_size(market: Mapping[str, Any], size: float, price: float) -> float:
    """A size as the venue counts it, in base units. Inverse contracts are worth quote, so the price divides."""
    if not market.get("contract"):
        return size
    contract_size = float(market.get("contractSize") or 1)
    return size * contract_size / price if market.get("inverse") else size * contract_size


def levels(market: Mapping[str, Any], side: Sequence[Sequence[float]], depth: int) -> tuple[Level, ...]:
    if market.get("contract"):
        return tuple([(row[0], base_size(market, row[1], row[0])) for row in side[:depth]])
    return tuple([(row[0], row[1]) for row in side[:depth]])


def event_ns(row: Mapping[str, Any]) -> int:
    """0 for none, and for one that no record can hold."""
    time_ms = int(row.get("timestamp") or 0)
    return time_ms * NS_PER_MS if 0 < time_ms < _MAX_MS else 0


def to_trade(
    row: Mapping[str, Any], *, exchange: str, symbol: str, market: Mapping[str, Any], trade_id: int, ts_init: int
) -> TradeTick:
    price = float(row["price"])
    return TradeTick(
        exchange=exchange,
        symbol=symbol,
        price=price,
        size=base_size(market, float(row["amount"]), price),
        buyer_is_maker=row.get("side") == "sell",
        trade_id=trade_id,
        ts_event=event_ns(row),
        ts_init=ts_init,
    )


def to_quote(
    row: Mapping[str, Any], *, exchange: str, symbol: str, market: Mapping[str, Any], ts_init: int
) -> QuoteTick | None:
    """None where a price or a size is missing. `update_id` is the time in microseconds, as in the images."""
    bid, ask, bid_size, ask_size = row.get("bid"), row.get("ask"), row.get("bidVolume"), row.get("askVolume")
    if bid is None or ask is None or bid_size is None or ask_size is None:
        return None
    return QuoteTick(
        exchange=exchange,
        symbol=symbol,
        bid=float(bid),
        bid_size=base_size(market, float(bid_size), float(bid)),
        ask=float(ask),
        ask_size=base_size(market, float(ask_size), float(ask)),
        ts_event=event_ns(row),
        ts_init=ts_init,
        update_id=ts_init // NS_PER_US,
    )


def to_ticker(row: Mapping[str, Any], *, exchange: str, symbol: str, ts_init: int) -> Ticker | None:
    """None without a last price; other figures that the venue does not tell are 0."""
    last = row.get("last")
    if last is None:
        return None
    return Ticker(
        exchange=exchange,
        symbol=symbol,
        last=float(last),
        change=float(row.get("percentage") or 0) / 100,
        high=float(row.get("high") or 0),
        low=float(row.get("low") or 0),
        volume=float(row.get("baseVolume") or 0),
        quote_volume=float(row.get("quoteVolume") or 0),
        ts_event=event_ns(row),
        ts_init=ts_init,
    )


def to_bar(row: Sequence[Any], *, exchange: str, symbol: str, timeframe: Timeframe, now_ms: int) -> Bar | None:
    """A row of [time, open, high, low, close, volume]; None where the venue leaves a figure out."""
    if len(row) < 6 or any(value is None for value in row[:6]):
        return None
    length_ms = TIMEFRAME_SECONDS[timeframe] * 1000
    return Bar(
        exchange=exchange,
        symbol=symbol,
        timeframe=timeframe,
        ts_open=int(row[0]) * NS_PER_MS,
        ts_close=(int(row[0]) + length_ms) * NS_PER_MS,
        open=float(row[1]),
        high=float(row[2]),
        low=float(row[3]),
        close=float(row[4]),
        volume=float(row[5]),
        taker_buy_volume=None,
        trades=0,
        closed=int(row[0]) + length_ms <= now_ms,
        source="rest",
    )


def to_listing(market: Mapping[str, Any], *, precision_mode: int) -> Listing | None:
    """None for what is neither spot nor perpetual. ccxt's own symbol is the venue's: ids are not unique there."""
    kind = _KINDS.get(str(market.get("type")))
    if kind is None or not market.get("base") or not market.get("quote"):
        return None
    precision = market.get("precision") or {}
    limits = market.get("limits") or {}
    contract_size = _decimal(market.get("contractSize")) if market.get("contract") else None
    unit = contract_size or Decimal(1)
    # Sizes of inverse contracts are in quote: their rules cannot be told in base without a price.
    sizes_unit = Decimal(1) if market.get("inverse") else unit
    amount = limits.get("amount") or {}
    return Listing(
        symbol=market["symbol"],
        venue_symbol=market["symbol"],
        base=market["base"],
        quote=market["quote"],
        tick_size=_step(precision.get("price"), precision_mode),
        lot_size=_step(precision.get("amount"), precision_mode) * sizes_unit,
        min_quantity=(_decimal(amount.get("min")) or Decimal(0)) * sizes_unit,
        max_quantity=(_decimal(amount.get("max")) or Decimal(0)) * sizes_unit,
        min_notional=_decimal((limits.get("cost") or {}).get("min")) or Decimal(0),
        active=market.get("active") is not False,
        kind=kind,
        contract_size=unit,
    )


def _step(value: object, precision_mode: int) -> Decimal:
    number = _decimal(value)
    if number is None or (precision_mode == _TICK_SIZE and number <= 0):
        return _FINEST
    if precision_mode == _TICK_SIZE:
        return number
    if precision_mode == _DECIMAL_PLACES:
        return Decimal(1).scaleb(-int(number))
    # Significant digits give no fixed step.
    return _FINEST


def _decimal(value: object) -> Decimal | None:
    if value is None:
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
