"""What only futures tell: mark price, funding rate, forced orders."""

from collections.abc import Mapping

from marketdata.events import Funding, Liquidation, Premium
from marketdata.exchanges.adapter import Listing, VenueEvent
from marketdata.exchanges.binance_common.frames import NS_PER_MS, Handler, Maker, envelope_decoder, other_symbol
from marketdata.exchanges.binance_usdm.payloads import ForceOrder, MarkPrice

# What the venue has for a symbol unless its listing says otherwise.
FUNDING_INTERVAL_H = 8.0


def mark_price_maker(exchange: str, listings: Mapping[str, Listing]) -> Maker:
    decode = envelope_decoder(MarkPrice)

    def make(venue_symbol: str, symbol: str) -> Handler:
        def handle(frame: bytes, ts_init: int) -> tuple[VenueEvent, ...]:
            data = decode(frame).data
            if data.symbol != venue_symbol:
                raise other_symbol(data.symbol, venue_symbol, frame)
            listing = listings.get(symbol)
            ts_event = data.time_ms * NS_PER_MS
            return (
                Premium(
                    exchange=exchange,
                    symbol=symbol,
                    mark=data.mark,
                    index=data.index,
                    ts_event=ts_event,
                    ts_init=ts_init,
                ),
                Funding(
                    exchange=exchange,
                    symbol=symbol,
                    rate=data.rate,
                    interval_h=listing.funding_interval_h if listing is not None else FUNDING_INTERVAL_H,
                    ts_event=ts_event,
                    ts_init=ts_init,
                ),
            )

        return handle

    return make


def liquidation_maker(exchange: str) -> Maker:
    """The largest forced order of each second, at the price that it got; at its limit where it got nothing yet."""
    decode = envelope_decoder(ForceOrder)

    def make(venue_symbol: str, symbol: str) -> Handler:
        def handle(frame: bytes, ts_init: int) -> tuple[VenueEvent, ...]:
            order = decode(frame).data.order
            if order.symbol != venue_symbol:
                raise other_symbol(order.symbol, venue_symbol, frame)
            return (
                Liquidation(
                    exchange=exchange,
                    symbol=symbol,
                    side=order.side.lower(),
                    price=order.average_price or order.price,
                    size=order.size,
                    ts_event=order.time_ms * NS_PER_MS,
                    ts_init=ts_init,
                ),
            )

        return handle

    return make
