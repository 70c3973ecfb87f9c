"""An exchange's REST functions through the child process: this one never imports ccxt."""

from typing import Any

import msgspec

from marketdata.ccxtpro.process import ChildProcess
from marketdata.ccxtpro.wire import Image
from marketdata.events import Bar, Ticker, Timeframe, TradeTick
from marketdata.exchanges.adapter import BookImage, Listing, VenueUnavailable


class CcxtRest:
    """Every method raises VenueError's children. `venue_symbol` is not used: ccxt knows the unified one."""

    def __init__(self, child: ChildProcess) -> None:
        self._child = child

    async def server_time_ns(self) -> int:
        time_ns: int = await self._ask("server_time_ns", int)
        return time_ns

    async def listings(self) -> list[Listing]:
        """Spot and perpetuals. An inverse contract's sizes are in its own units."""
        listings: list[Listing] = await self._ask("listings", list[Listing])
        return listings

    async def bars(
        self, venue_symbol: str, *, symbol: str, timeframe: Timeframe, limit: int, start_ns: int | None = None
    ) -> list[Bar]:
        bars: list[Bar] = await self._ask(
            "bars", list[Bar], symbol=symbol, timeframe=timeframe, limit=limit, start_ns=start_ns
        )
        return bars

    async def book(self, venue_symbol: str, *, symbol: str, limit: int) -> BookImage:
        image: Image = await self._ask("book", Image, symbol=symbol, limit=limit)
        return BookImage(
            exchange=image.exchange,
            symbol=image.symbol,
            bids=image.bids,
            asks=image.asks,
            update_id=image.update_id,
            ts_event=image.ts_event,
            ts_init=image.ts_init,
        )

    async def trades(self, venue_symbol: str, *, symbol: str, limit: int) -> list[TradeTick]:
        trades: list[TradeTick] = await self._ask("trades", list[TradeTick], symbol=symbol, limit=limit)
        return trades

    async def ticker(self, venue_symbol: str, *, symbol: str) -> Ticker:
        ticker: Ticker | None = await self._ask("ticker", Ticker | None, symbol=symbol)
        if ticker is None:
            raise VenueUnavailable(f"{self._child.start.exchange} tells no last price of {symbol}")
        return ticker

    async def socket_url(self, websocket_url: str, *, route: str) -> str:
        """ccxt finds its own addresses."""
        return websocket_url

    async def close(self) -> None:
        """End the child process, for who needs REST only."""
        await self._child.close()

    async def _ask(self, method: str, kind: Any, **arguments: Any) -> Any:
        body = await self._child.call(method, **arguments)
        try:
            return msgspec.msgpack.decode(body, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise VenueUnavailable(
                f"{self._child.start.exchange} sent an answer to {method} that cannot be read: {error}"
            ) from error
