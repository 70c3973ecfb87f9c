"""The JSON of Binance USD-M futures' WebSocket streams, as types. E is when it was sent, T when it was matched."""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from marketdata.exchanges.binance_common.payloads import Amount, BookLevel, Id, Millis

# A fraction for one interval.
Rate = Annotated[float, Meta(ge=-1e3, le=1e3)]


class Trade(Struct, gc=False):
    event: Literal["trade"] = field(name="e")
    symbol: str = field(name="s")
    trade_id: Id = field(name="t")
    price: Amount = field(name="p")
    size: Amount = field(name="q")
    time_ms: Millis = field(name="T")
    buyer_is_maker: bool = field(name="m")
    # MARKET; otherwise a transfer of the insurance fund or a deleveraging, outside of the book.
    origin: str = field(name="X", default="MARKET")


class BookTicker(Struct, gc=False):
    event: Literal["bookTicker"] = field(name="e")
    update_id: Id = field(name="u")
    symbol: str = field(name="s")
    bid: Amount = field(name="b")
    bid_size: Amount = field(name="B")
    ask: Amount = field(name="a")
    ask_size: Amount = field(name="A")
    time_ms: Millis = field(name="T")


class Depth(Struct, gc=False):
    event: Literal["depthUpdate"] = field(name="e")
    time_ms: Millis = field(name="E")
    symbol: str = field(name="s")
    # Of the delta before: ids are shared by all symbols, so `U` does not follow it.
    previous_update_id: Id = field(name="pu")
    last_update_id: Id = field(name="u")
    bids: tuple[BookLevel, ...] = field(name="b")
    asks: tuple[BookLevel, ...] = field(name="a")

    @property
    def first_update_id(self) -> int:
        return self.previous_update_id + 1


class MarkPrice(Struct, gc=False):
    event: Literal["markPriceUpdate"] = field(name="e")
    time_ms: Millis = field(name="E")
    symbol: str = field(name="s")
    mark: Amount = field(name="p")
    index: Amount = field(name="i")
    rate: Rate = field(name="r")


class ForcedOrder(Struct, gc=False):
    symbol: str = field(name="s")
    side: Literal["BUY", "SELL"] = field(name="S")
    price: Amount = field(name="p")
    average_price: Amount = field(name="ap")
    size: Amount = field(name="q")
    time_ms: Millis = field(name="T")


class ForceOrder(Struct, gc=False):
    event: Literal["forceOrder"] = field(name="e")
    order: ForcedOrder = field(name="o")
