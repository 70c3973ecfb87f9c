"""The JSON of Binance spot's WebSocket streams, as types."""

from typing import ClassVar, Literal

from msgspec import Struct, field

from marketdata.exchanges.binance_common.payloads import Amount, BookLevel, Id, Millis


class Trade(Struct, gc=False):
    event: Literal["trade"] = field(name="e")
    symbol: str = field(name="s")
    trade_id: Id = field(name="t")
    price: Amount = field(name="p")
    size: Amount = field(name="q")
    time_ms: Millis = field(name="T")
    buyer_is_maker: bool = field(name="m")

    @property
    def number(self) -> int:
        return self.trade_id


# Sent without its type, but never with another one.
class BookTicker(Struct, gc=False, tag_field="e", tag="bookTicker"):
    update_id: Id = field(name="u")
    symbol: str = field(name="s")
    bid: Amount = field(name="b")
    bid_size: Amount = field(name="B")
    ask: Amount = field(name="a")
    ask_size: Amount = field(name="A")
    # The venue sends no time with spot quotes.
    time_ms: ClassVar[int] = 0


class Depth(Struct, gc=False):
    event: Literal["depthUpdate"] = field(name="e")
    time_ms: Millis = field(name="E")
    symbol: str = field(name="s")
    first_update_id: Id = field(name="U")
    last_update_id: Id = field(name="u")
    bids: tuple[BookLevel, ...] = field(name="b")
    asks: tuple[BookLevel, ...] = field(name="a")
