"""BingX's dialect, of swaps and of spot: compressed frames, pings that must be answered, whole books, and REST.

Source: https://bingx-api.github.io/docs-v3/#/en/Swap/Websocket%20Market%20Data.
"""

import gzip
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar

from aiohttp import web

from tests.venues.market import Market, Print, Step
from tests.venues.server import Client, Frame, VenueServer

_SECONDS = {"1m": 60, "3m": 180, "5m": 300, "15m": 900, "30m": 1800, "1h": 3600, "4h": 14400, "1d": 86400}
# Pings in a row without an answer, after which the socket is closed.
_PATIENCE = 20


class BingxVenue(VenueServer):
    adapter = "bingx"
    symbols = (
        ("BTC/USDT:USDT", "BTC-USDT", 300_000), ("ETH/USDT:USDT", "ETH-USDT", 20_000), ("FOO/USDT:USDT", "FOO-USDT", 5_000),
    )  # fmt: skip
    lot = Decimal("0.0010")
    book_channel = "depth50@200ms"
    no_such_stream: ClassVar[int] = 80015

    def routes(self) -> list[web.RouteDef]:
        return [*super().routes(), *(web.get(path, self.answering(answer)) for path, answer in self.answers().items())]

    def answers(self) -> Mapping[str, Any]:
        return {
            "/openApi/swap/v2/server/time": self._time,
            "/openApi/swap/v2/quote/contracts": self._contracts,
            "/openApi/swap/v2/quote/depth": self._depth,
            "/openApi/swap/v2/quote/trades": self._trades,
            "/openApi/swap/v3/quote/klines": self._klines,
        }

    def hear(self, client: Client, text: str) -> None:
        if self.is_pong(text):
            self.counts["pongs"] += 1
            client.unanswered = 0
            return
        request = json.loads(text)
        name, _, channel = request["dataType"].partition("@")
        answer: dict[str, Any] = {"id": request["id"], "code": 0, "msg": "", "dataType": "", "data": None}
        if name in self.refused or name not in self.markets:
            answer |= {"code": self.no_such_stream, "msg": "dataType not support", "dataType": request["dataType"]}
        elif request["reqType"] == "sub":
            client.subscriptions.add((channel, name))
        else:
            client.subscriptions.discard((channel, name))
        client.send(pack(answer))

    def ping(self) -> Frame:
        return gzip.compress(b"Ping", 1)

    def is_pong(self, text: str) -> bool:
        return text == "Pong"

    def beat(self, client: Client) -> None:
        """Pings, and closes the socket of who does not answer."""
        client.unanswered += 1
        if client.unanswered > _PATIENCE:
            self.counts["unanswered"] += 1
            client.abort()
            return
        client.send(self.ping())

    def book_frames(self, client: Client, market: Market, step: Step) -> list[Frame]:
        return [pack(self.book(market))]

    def other_frames(self, client: Client, market: Market, step: Step) -> list[Frame]:
        frames: list[Frame] = []
        name = market.venue_symbol
        if ("bookTicker", name) in client.subscriptions:
            frames.append(pack(_quote(market)))
        if step.prints and ("trade", name) in client.subscriptions:
            frames.extend(pack(frame) for frame in self.prints(market, step.prints))
        if step.prints and ("ticker", name) in client.subscriptions:
            frames.append(pack(_day(market)))
        return frames

    def book(self, market: Market) -> dict[str, Any]:
        """The best ask comes last."""
        bids, asks = _levels(market, 50)
        return {
            "code": 0, "dataType": f"{market.venue_symbol}@{self.book_channel}", "ts": market.time_ms,
            "data": {"bids": bids, "asks": asks[::-1]},
        }  # fmt: skip

    def prints(self, market: Market, prints: tuple[Print, ...]) -> list[dict[str, Any]]:
        rows = [
            {
                "q": market.size_text(each.size), "p": market.price_text(each.price), "T": each.time_ms,
                "m": not each.buys, "s": market.venue_symbol,
            }
            for each in prints
        ]  # fmt: skip
        return [{"code": 0, "dataType": f"{market.venue_symbol}@trade", "data": rows}]

    def _time(self, request: web.Request) -> object:
        return good({"serverTime": self.now_ms()})

    def _contracts(self, request: web.Request) -> object:
        return good(
            [
                {
                    "symbol": name, "currency": "USDT", "pricePrecision": 1, "quantityPrecision": 4, "status": 1,
                    "tradeMinQuantity": 0.0001, "tradeMinUSDT": 2, "apiStateOpen": "true", "size": "0.0001",
                }
                for name in self.markets
            ]
        )  # fmt: skip

    def _depth(self, request: web.Request) -> object:
        market = self.markets[request.query["symbol"]]
        bids, asks = _levels(market, int(request.query["limit"]))
        return good({"T": market.time_ms, "bids": bids, "asks": asks[::-1]})

    def _trades(self, request: web.Request) -> object:
        market = self.markets[request.query["symbol"]]
        return good(
            [
                {
                    "time": each.time_ms, "isBuyerMaker": not each.buys, "price": market.price_text(each.price),
                    "qty": market.size_text(each.size), "quoteQty": "1",
                }
                for each in reversed(market.prints[-int(request.query["limit"]) :])
            ]
        )  # fmt: skip

    def _klines(self, request: web.Request) -> object:
        market = self.markets[request.query["symbol"]]
        return good(
            [
                {
                    "open": market.price_text(bar.open), "close": market.price_text(bar.close),
                    "high": market.price_text(bar.high), "low": market.price_text(bar.low),
                    "volume": market.size_text(bar.volume), "time": bar.open_ms,
                }
                for bar in self.bars_between(request, market)
            ]
        )  # fmt: skip

    def bars_between(self, request: web.Request, market: Market) -> list[Any]:
        """Newest first."""
        begin_ms, end_ms = int(request.query["startTime"]), int(request.query["endTime"])
        bars = [bar for bar in market.bars(_SECONDS[request.query["interval"]]) if begin_ms <= bar.open_ms <= end_ms]
        return bars[::-1]


class BingxSpotVenue(BingxVenue):
    adapter = "bingx-spot"
    symbols = (("BTC/USDT", "BTC-USDT", 300_000), ("ETH/USDT", "ETH-USDT", 20_000), ("FOO/USDT", "FOO-USDT", 5_000))
    book_channel = "depth50"
    no_such_stream = 100204

    def answers(self) -> Mapping[str, Any]:
        return {
            "/openApi/spot/v1/server/time": self._time,
            "/openApi/spot/v1/common/symbols": self._pairs,
            "/openApi/spot/v1/market/depth": self._spot_depth,
            "/openApi/spot/v1/market/trades": self._spot_trades,
            "/openApi/spot/v1/market/kline": self._spot_klines,
        }

    def ping(self) -> Frame:
        return pack({"ping": f"p{self.counts['pongs']}", "time": "2026-06-07T16:27:36.323+0800"})

    def is_pong(self, text: str) -> bool:
        return text.startswith('{"pong":"p')

    def book(self, market: Market) -> dict[str, Any]:
        bids, asks = _levels(market, 50)
        return {
            "code": 0, "data": {"asks": asks[::-1], "bids": bids, "lastUpdateId": market.sequence},
            "dataType": f"{market.venue_symbol}@{self.book_channel}", "success": True, "timestamp": market.time_ms,
        }  # fmt: skip

    def prints(self, market: Market, prints: tuple[Print, ...]) -> list[dict[str, Any]]:
        return [
            {
                "code": 0,
                "data": {
                    "E": each.time_ms, "T": each.time_ms, "e": "trade", "m": not each.buys,
                    "p": market.price_text(each.price), "q": market.size_text(each.size), "s": market.venue_symbol,
                    "t": str(each.id),
                },
                "dataType": f"{market.venue_symbol}@trade",
                "success": True,
            }
            for each in prints
        ]  # fmt: skip

    def _pairs(self, request: web.Request) -> object:
        rows = [
            {"symbol": name, "tickSize": 0.1, "stepSize": 0.0001, "status": 1, "minNotional": 5}
            for name in self.markets
        ]
        return good({"symbols": rows})

    def _spot_depth(self, request: web.Request) -> object:
        market = self.markets[request.query["symbol"]]
        bids, asks = _levels(market, int(request.query["limit"]))
        return good({"ts": market.time_ms, "bids": bids, "asks": asks[::-1]})

    def _spot_trades(self, request: web.Request) -> object:
        market = self.markets[request.query["symbol"]]
        return good(
            [
                {
                    "id": each.id, "time": each.time_ms, "buyerMaker": not each.buys,
                    "price": market.price(each.price), "qty": market.size(each.size),
                }
                for each in reversed(market.prints[-int(request.query["limit"]) :])
            ]
        )  # fmt: skip

    def _spot_klines(self, request: web.Request) -> object:
        market = self.markets[request.query["symbol"]]
        assert request.query["timeZone"] == "0"
        length_ms = _SECONDS[request.query["interval"]] * 1000
        return good(
            [
                [
                    bar.open_ms,
                    *(market.price(price) for price in (bar.open, bar.high, bar.low, bar.close)),
                    market.size(bar.volume), bar.open_ms + length_ms - 1, 1.0,
                ]
                for bar in self.bars_between(request, market)
            ]
        )  # fmt: skip


def good(data: object) -> dict[str, object]:
    return {"code": 0, "msg": "", "data": data}


def pack(message: object) -> bytes:
    return gzip.compress(json.dumps(message, separators=(",", ":")).encode(), 1)


def _levels(market: Market, count: int) -> tuple[list[list[str]], list[list[str]]]:
    bids, asks = (
        [[market.price_text(price), market.size_text(size)] for price, size in side] for side in market.best(count)
    )
    return bids, asks


def _quote(market: Market) -> dict[str, Any]:
    (bid, bid_size), (ask, ask_size) = (side[0] for side in market.best(1))
    data = {
        "e": "bookTicker", "u": market.sequence, "E": market.time_ms, "T": market.time_ms, "s": market.venue_symbol,
        "b": market.price_text(bid), "B": market.size_text(bid_size), "a": market.price_text(ask),
        "A": market.size_text(ask_size),
    }  # fmt: skip
    return {"code": 0, "dataType": f"{market.venue_symbol}@bookTicker", "data": data}


def _day(market: Market) -> dict[str, Any]:
    price = market.price_text(market.prints[-1].price)
    data = {
        "e": "24hTicker", "E": market.time_ms, "s": market.venue_symbol, "p": "1.5", "P": "0.01", "o": price,
        "h": "99999.9", "l": "1.5", "c": price, "v": "10.5", "q": "1000.5",
    }  # fmt: skip
    return {"code": 0, "dataType": f"{market.venue_symbol}@ticker", "data": data}
