"""KuCoin's dialect, of spot and of futures: a token for each socket, topics, sequences, and REST.

Source: https://www.kucoin.com/docs-new/websocket-api/base-info/introduction.
"""

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar

from aiohttp import web

from tests.venues.market import NS_PER_MS, Market, Print, Step
from tests.venues.server import Client, Frame, VenueServer

_TYPES = {
    "1min": 60, "3min": 180, "5min": 300, "15min": 900, "30min": 1800, "1hour": 3600, "4hour": 14400, "1day": 86400,
}  # fmt: skip


class KucoinVenue(VenueServer):
    adapter = "kucoin"
    symbols = (("BTC/USDT", "BTC-USDT", 300_000), ("ETH/USDT", "ETH-USDT", 20_000), ("FOO/USDT", "FOO-USDT", 5_000))
    lot = Decimal("0.001")
    book_channel = "/market/level2"
    quote_channel: ClassVar[str] = "/spotMarket/level1"
    trade_channel: ClassVar[str] = "/market/match"
    day_channel: ClassVar[str] = "/market/snapshot"

    def __init__(self, *, seed: int = 1) -> None:
        super().__init__(seed=seed)
        self._tokens: set[str] = set()

    def routes(self) -> list[web.RouteDef]:
        return [
            *super().routes(),
            web.post("/api/v1/bullet-public", self.answering(self._bullet)),
            web.get("/api/v1/timestamp", self.answering(lambda request: good(self.now_ms()))),
            *(web.get(path, self.answering(answer)) for path, answer in self.answers().items()),
        ]

    def answers(self) -> Mapping[str, Any]:
        return {
            "/api/v2/symbols": self._symbols,
            "/api/v1/market/orderbook/level2_20": lambda request: self._book(request, 20),
            "/api/v1/market/orderbook/level2_100": lambda request: self._book(request, 100),
            "/api/v1/market/candles": self._candles,
            "/api/v1/market/histories": self._histories,
        }

    def is_let_in(self, request: web.Request) -> bool:
        """A token is good for one socket."""
        token = request.query.get("token", "")
        if token not in self._tokens or not request.query.get("connectId"):
            self.counts["bad tokens"] += 1
            return False
        self._tokens.remove(token)
        return True

    def greet(self, client: Client) -> None:
        client.send(json.dumps({"id": client.request.query["connectId"], "type": "welcome"}))

    def hear(self, client: Client, text: str) -> None:
        request = json.loads(text)
        if request["type"] == "ping":
            self.counts["pings"] += 1
            client.send(json.dumps({"id": request["id"], "type": "pong", "timestamp": self.now_ms() * 1000}))
            return
        channel, _, names = request["topic"].partition(":")
        asked = {(channel, name) for name in names.split(",")}
        if any(name in self.refused or name not in self.markets for _, name in asked):
            # It does not say which one.
            detail = f"topic {request['topic']} is not found"
            client.send(json.dumps({"id": request["id"], "type": "error", "code": 404, "data": detail}))
            return
        if request["type"] == "subscribe":
            client.subscriptions |= asked
        else:
            client.subscriptions -= asked
        client.send(json.dumps({"id": request["id"], "type": "ack"}))

    def book_frames(self, client: Client, market: Market, step: Step) -> list[Frame]:
        sides: dict[bool, list[list[str]]] = {True: [], False: []}
        for number, (is_bid, price, size) in enumerate(step.changes, start=step.first_sequence):
            sides[is_bid].append([market.price_text(price), market.size_text(size), str(number)])
        for levels in sides.values():
            # By price, not by time.
            levels.sort(key=lambda level: Decimal(level[0]))
        data = {
            "changes": {"asks": sides[False], "bids": sides[True]}, "sequenceEnd": step.last_sequence,
            "sequenceStart": step.first_sequence, "symbol": market.venue_symbol, "time": step.time_ms,
        }  # fmt: skip
        return [message(self.book_channel, market, "trade.l2update", data)]

    def other_frames(self, client: Client, market: Market, step: Step) -> list[Frame]:
        frames: list[Frame] = []
        name = market.venue_symbol
        if (self.quote_channel, name) in client.subscriptions:
            frames.append(self.quote(market))
        if (self.trade_channel, name) in client.subscriptions:
            frames.extend(self.trade(market, each) for each in step.prints)
        if step.prints and (self.day_channel, name) in client.subscriptions:
            frames.append(self.day(market))
        return frames

    def quote(self, market: Market) -> str:
        bid, ask = (side[0] for side in market.best(1))
        data = {
            "asks": [market.price_text(ask[0]), market.size_text(ask[1])],
            "bids": [market.price_text(bid[0]), market.size_text(bid[1])],
            "timestamp": market.time_ms,
        }
        return message(self.quote_channel, market, "level1", data)

    def trade(self, market: Market, each: Print) -> str:
        data = {
            "makerOrderId": "1", "price": market.price_text(each.price), "sequence": str(each.id),
            "side": "buy" if each.buys else "sell", "size": market.size_text(each.size), "symbol": market.venue_symbol,
            "takerOrderId": "2", "time": str(each.time_ms * NS_PER_MS), "tradeId": str(each.id), "type": "match",
        }  # fmt: skip
        return message(self.trade_channel, market, "trade.l3match", data)

    def day(self, market: Market) -> str:
        data = {
            "symbol": market.venue_symbol, "lastTradedPrice": market.price(market.prints[-1].price),
            "changeRate": 0.01, "high": 99999.9, "low": 1.5, "vol": 10.5, "volValue": 1000.5,
            "datetime": market.time_ms,
        }  # fmt: skip
        return message(self.day_channel, market, "trade.snapshot", {"sequence": "1", "data": data})

    def _bullet(self, request: web.Request) -> object:
        if self.has_expired_token:
            return web.json_response({"code": "400003", "msg": "KC-API-KEY not exists or has expired"}, status=401)
        token = f"token{self.counts[request.path]}"
        self._tokens.add(token)
        server = {
            "endpoint": "wss://nobody.invalid/endpoint", "encrypt": True, "protocol": "websocket",
            "pingInterval": 18000, "pingTimeout": 10000,
        }  # fmt: skip
        return good({"token": token, "instanceServers": [server]})

    def _symbols(self, request: web.Request) -> object:
        return good(
            [
                {
                    "symbol": name, "baseCurrency": name.split("-")[0], "quoteCurrency": "USDT",
                    "priceIncrement": "0.1", "baseIncrement": "0.001", "baseMinSize": "0.001",
                    "baseMaxSize": "10000", "minFunds": "0.1", "enableTrading": True,
                }
                for name in self.markets
            ]
        )  # fmt: skip

    def _book(self, request: web.Request, levels: int) -> object:
        market = self.markets[request.query["symbol"]]
        bids, asks = (
            [[market.price_text(price), market.size_text(size)] for price, size in side] for side in market.best(levels)
        )
        return good({"sequence": str(market.sequence), "time": market.time_ms, "bids": bids, "asks": asks})

    def _candles(self, request: web.Request) -> object:
        market = self.markets[request.query["symbol"]]
        begin_s, end_s = int(request.query["startAt"]), int(request.query["endAt"])
        rows = [
            [
                str(bar.open_ms // 1000),
                *(market.price_text(price) for price in (bar.open, bar.close, bar.high, bar.low)),
                market.size_text(bar.volume), "1",
            ]
            for bar in market.bars(_TYPES[request.query["type"]])
            if begin_s <= bar.open_ms // 1000 < end_s
        ]  # fmt: skip
        return good(rows[::-1])

    def _histories(self, request: web.Request) -> object:
        market = self.markets[request.query["symbol"]]
        return good(
            [
                {
                    "sequence": str(each.id), "price": market.price_text(each.price),
                    "size": market.size_text(each.size), "side": "buy" if each.buys else "sell",
                    "time": each.time_ms * NS_PER_MS,
                }
                for each in market.prints[-100:]
            ]
        )  # fmt: skip


class KucoinFuturesVenue(KucoinVenue):
    """Sizes in contracts of 0.001. Every change of the book is a message of its own."""

    adapter = "kucoin-futures"
    symbols = (
        ("BTC/USDT:USDT", "XBTUSDTM", 300_000), ("ETH/USDT:USDT", "ETHUSDTM", 20_000), ("FOO/USDT:USDT", "FOOUSDTM", 5_000),
    )  # fmt: skip
    book_channel = "/contractMarket/level2"
    quote_channel = "/contractMarket/tickerV2"
    trade_channel = "/contractMarket/execution"
    day_channel = "/contractMarket/snapshot"
    instrument_channel: ClassVar[str] = "/contract/instrument"

    def answers(self) -> Mapping[str, Any]:
        return {
            "/api/v1/contracts/active": self._contracts,
            "/api/v1/level2/snapshot": self._snapshot,
            "/api/v1/kline/query": self._klines,
            "/api/v1/trade/history": self._trades,
        }

    def book_frames(self, client: Client, market: Market, step: Step) -> list[Frame]:
        return [
            message(
                self.book_channel,
                market,
                "level2",
                {
                    "sequence": number,
                    "change": f"{market.price_text(price)},{'buy' if is_bid else 'sell'},{size}",
                    "timestamp": step.time_ms,
                },
            )
            for number, (is_bid, price, size) in enumerate(step.changes, start=step.first_sequence)
        ]

    def other_frames(self, client: Client, market: Market, step: Step) -> list[Frame]:
        frames = super().other_frames(client, market, step)
        if step.prints and (self.instrument_channel, market.venue_symbol) in client.subscriptions:
            price = market.price(step.prints[-1].price)
            mark = {"markPrice": price + 0.5, "indexPrice": price, "granularity": 1000, "timestamp": step.time_ms}
            rate = {"granularity": 60000, "fundingRate": 0.0001, "timestamp": step.time_ms}
            frames.append(message(self.instrument_channel, market, "mark.index.price", mark))
            frames.append(message(self.instrument_channel, market, "funding.rate", rate))
        return frames

    def quote(self, market: Market) -> str:
        (bid, bid_size), (ask, ask_size) = (side[0] for side in market.best(1))
        data = {
            "symbol": market.venue_symbol, "sequence": market.sequence, "bestBidSize": bid_size,
            "bestBidPrice": market.price_text(bid), "bestAskPrice": market.price_text(ask), "bestAskSize": ask_size,
            "ts": market.time_ms * NS_PER_MS,
        }  # fmt: skip
        return message(self.quote_channel, market, "tickerV2", data)

    def trade(self, market: Market, each: Print) -> str:
        data = {
            "symbol": market.venue_symbol, "sequence": each.id, "side": "buy" if each.buys else "sell",
            "size": each.size, "price": market.price_text(each.price), "tradeId": str(each.id),
            "ts": each.time_ms * NS_PER_MS,
        }  # fmt: skip
        return message(self.trade_channel, market, "match", data)

    def day(self, market: Market) -> str:
        data = {
            "symbol": market.venue_symbol, "lastPrice": market.price(market.prints[-1].price), "priceChgPct": 0.01,
            "highPrice": 99999.9, "lowPrice": 1.5, "volume": 10.5, "turnover": 1000.5,
            "ts": market.time_ms * NS_PER_MS,
        }  # fmt: skip
        return message(self.day_channel, market, "snapshot.24h", data)

    def _contracts(self, request: web.Request) -> object:
        return good(
            [
                {
                    "symbol": name, "baseCurrency": name.removesuffix("USDTM"), "quoteCurrency": "USDT",
                    "settleCurrency": "USDT", "status": "Open", "isInverse": False, "multiplier": 0.001,
                    "tickSize": 0.1, "lotSize": 1, "maxOrderQty": 1000000, "expireDate": None,
                    "fundingRateGranularity": 28800000,
                }
                for name in self.markets
            ]
        )  # fmt: skip

    def _snapshot(self, request: web.Request) -> object:
        market = self.markets[request.query["symbol"]]
        bids, asks = ([[market.price(price), size] for price, size in side] for side in market.best(1000))
        return good(
            {
                "sequence": market.sequence, "symbol": market.venue_symbol, "bids": bids, "asks": asks,
                "ts": market.time_ms * NS_PER_MS,
            }
        )  # fmt: skip

    def _klines(self, request: web.Request) -> object:
        market = self.markets[request.query["symbol"]]
        begin_ms, end_ms = int(request.query["from"]), int(request.query["to"])
        return good(
            [
                [
                    bar.open_ms,
                    *(market.price(price) for price in (bar.open, bar.high, bar.low, bar.close)),
                    bar.volume,
                    1.0,
                ]
                for bar in market.bars(int(request.query["granularity"]) * 60)
                if begin_ms <= bar.open_ms <= end_ms
            ]
        )

    def _trades(self, request: web.Request) -> object:
        market = self.markets[request.query["symbol"]]
        return good(
            [
                {
                    "sequence": each.id, "price": market.price_text(each.price), "size": each.size,
                    "side": "buy" if each.buys else "sell", "ts": each.time_ms * NS_PER_MS,
                }
                for each in reversed(market.prints[-100:])
            ]
        )  # fmt: skip


def good(data: object) -> dict[str, object]:
    return {"code": "200000", "data": data}


def message(channel: str, market: Market, subject: str, data: Mapping[str, object] | Sequence[object]) -> str:
    topic = f"{channel}:{market.venue_symbol}"
    return json.dumps({"topic": topic, "type": "message", "subject": subject, "data": data}, separators=(",", ":"))
