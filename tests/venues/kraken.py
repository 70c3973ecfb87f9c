"""Kraken's dialect: WebSocket v2 with checksums, and its REST.

Source: https://docs.kraken.com/api/docs/websocket-v2, https://docs.kraken.com/api/docs/rest-api.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zlib import crc32

from aiohttp import web

from tests.venues.market import Market, Print, Step
from tests.venues.server import Client, Frame, VenueServer

DEPTH = 10
PRICE_DECIMALS = 1
SIZE_DECIMALS = 8


class KrakenVenue(VenueServer):
    adapter = "kraken"
    symbols = (("BTC/USD", "BTC/USD", 300_000), ("ETH/USD", "ETH/USD", 20_000), ("FOO/USD", "FOO/USD", 5_000))
    lot = Decimal("0.00100000")
    book_channel = "book"

    def __init__(self, *, seed: int = 1) -> None:
        super().__init__(seed=seed)
        for market in self.markets.values():
            market.streamed_levels = DEPTH
        self._views: dict[str, dict[tuple[bool, int], int]] = {}

    def routes(self) -> list[web.RouteDef]:
        answers: dict[str, Callable[[web.Request], object]] = {
            "Time": lambda request: {"unixtime": self.now_ms() // 1000},
            "AssetPairs": self._pairs,
            "OHLC": self._bars,
            "Depth": self._depth,
            "Trades": self._trades,
        }
        return [
            *super().routes(),
            *(web.get(f"/0/public/{name}", self.answering(_in_an_envelope(give))) for name, give in answers.items()),
        ]

    def greet(self, client: Client) -> None:
        client.send(_status("online"))

    def tell_maintenance(self) -> None:
        for client in self.clients:
            client.send(_status("maintenance"))

    def hear(self, client: Client, text: str) -> None:
        request = json.loads(text)
        method, request_id = request["method"], request.get("req_id")
        if method == "ping":
            self.counts["pings"] += 1
            client.send(_dump({"method": "pong", "req_id": request_id}))
            return
        parameters = request["params"]
        channel = parameters["channel"]
        for name in parameters["symbol"]:
            client.send(self._answer(client, method, request_id, channel, name, parameters))
            if method == "subscribe" and (channel, name) in client.subscriptions and not self.is_silent:
                client.send(self._image(channel, self.markets[name]))

    def begin_step(self, market: Market) -> None:
        self._views[market.venue_symbol] = _view(market)

    def book_frames(self, client: Client, market: Market, step: Step) -> list[Frame]:
        """Changes among the best levels, and what comes into sight when one of them goes; not what goes out of it."""
        before, after = self._views[market.venue_symbol], _view(market)
        changes = [
            (is_bid, price, size) for (is_bid, price), size in after.items() if before.get((is_bid, price)) != size
        ]
        changes += [
            (is_bid, price, 0)
            for is_bid, price in before
            if price not in (market.bids if is_bid else market.asks)
        ]  # fmt: skip
        return [_book("update", market, changes)] if changes else []

    def other_frames(self, client: Client, market: Market, step: Step) -> list[Frame]:
        frames: list[Frame] = []
        if ("ticker", market.venue_symbol) in client.subscriptions:
            frames.append(_day("update", market))
        if step.prints and ("trade", market.venue_symbol) in client.subscriptions:
            frames.append(_prints("update", market, step.prints))
        return frames

    def wrong_level(self, frame: Frame) -> Frame:
        assert isinstance(frame, str)
        head, mark, rest = frame.partition('"qty":')
        return f"{head}{mark}7{rest}"

    def beat(self, client: Client) -> None:
        client.send('{"channel":"heartbeat"}')

    def _answer(
        self, client: Client, method: str, request_id: int, channel: str, name: str, parameters: dict[str, Any]
    ) -> str:
        answer: dict[str, Any] = {"method": method, "req_id": request_id, "time_in": "", "time_out": ""}
        key = (channel, name)
        if name in self.refused or name not in self.markets:
            return _dump(answer | {"error": f"Currency pair not supported {name}", "success": False, "symbol": name})
        result = {"channel": channel, "symbol": name}
        if method == "subscribe":
            if key in client.subscriptions:
                return _dump(answer | {"error": "Already subscribed", "success": False, "symbol": name})
            if channel == "book":
                assert parameters["depth"] == DEPTH
            client.subscriptions.add(key)
        elif key in client.subscriptions:
            client.subscriptions.remove(key)
        else:
            return _dump(answer | {"error": "Subscription Not Found", "success": False, "symbol": name})
        return _dump(answer | {"result": result, "success": True})

    def _image(self, channel: str, market: Market) -> str:
        if channel == "book":
            return _book("snapshot", market, [(is_bid, price, size) for (is_bid, price), size in _view(market).items()])
        if channel == "ticker":
            return _day("snapshot", market)
        return _prints("snapshot", market, market.prints[-50:])

    def _pairs(self, request: web.Request) -> object:
        return {
            f"X{_rest_name(name)}": {
                "altname": _rest_name(name), "wsname": name.replace("BTC", "XBT"), "pair_decimals": PRICE_DECIMALS,
                "lot_decimals": SIZE_DECIMALS, "ordermin": "0.0001", "costmin": "0.5", "tick_size": "0.1",
                "status": "online",
            }
            for name in self.markets
        }  # fmt: skip

    def _asked(self, request: web.Request) -> tuple[str, Market]:
        pair = request.query["pair"]
        return f"X{pair}", next(market for name, market in self.markets.items() if _rest_name(name) == pair)

    def _bars(self, request: web.Request) -> object:
        pair, market = self._asked(request)
        seconds = int(request.query["interval"]) * 60
        bars = market.bars(seconds)
        rows = [
            [
                bar.open_ms // 1000,
                *(market.price_text(price) for price in (bar.open, bar.high, bar.low, bar.close, bar.close)),
                market.size_text(bar.volume),
                bar.trades,
            ]
            for bar in bars
        ]
        return {pair: rows, "last": bars[-1].open_ms // 1000 - seconds}

    def _depth(self, request: web.Request) -> object:
        pair, market = self._asked(request)
        sides = [
            [[market.price_text(price), market.size_text(size), market.time_ms // 1000] for price, size in side]
            for side in market.best(int(request.query["count"]))
        ]
        return {pair: {"bids": sides[0], "asks": sides[1]}}

    def _trades(self, request: web.Request) -> object:
        pair, market = self._asked(request)
        rows = [
            [
                market.price_text(each.price), market.size_text(each.size), each.time_ms / 1000,
                "b" if each.buys else "s", "l", "", each.id,
            ]
            for each in market.prints[-int(request.query["count"]) :]
        ]  # fmt: skip
        return {pair: rows, "last": "0"}


def _rest_name(name: str) -> str:
    return name.replace("BTC", "XBT").replace("/", "")


def _in_an_envelope(give: Callable[[web.Request], object]) -> Callable[[web.Request], object]:
    return lambda request: {"error": [], "result": give(request)}


def _view(market: Market) -> dict[tuple[bool, int], int]:
    bids, asks = market.best(DEPTH)
    return {(True, price): size for price, size in bids} | {(False, price): size for price, size in asks}


def _book(kind: str, market: Market, changes: list[tuple[bool, int, int]]) -> str:
    bids, asks = (
        ",".join(
            f'{{"price":{market.price_text(price)},"qty":{market.size_text(size)}}}'
            for is_bid, price, size in changes
            if is_bid is wanted
        )
        for wanted in (True, False)
    )
    return (
        f'{{"channel":"book","type":"{kind}","data":[{{"symbol":"{market.venue_symbol}","bids":[{bids}],'
        f'"asks":[{asks}],"checksum":{checksum(market)},"timestamp":"{_when(market.time_ms)}"}}]}}'
    )


def checksum(market: Market) -> int:
    """The ten best asks, then the ten best bids: their digits without point and leading zeros."""
    bids, asks = market.best(10)
    digits = ""
    for side in (asks, bids):
        for price, size in side:
            for value, decimals in ((price * market.tick, PRICE_DECIMALS), (size * market.lot, SIZE_DECIMALS)):
                digits += f"{value:.{decimals}f}".replace(".", "").lstrip("0")
    return crc32(digits.encode())


def _day(kind: str, market: Market) -> str:
    (bid, bid_size), (ask, ask_size) = (side[0] for side in market.best(1))
    last = market.minutes[-1].close
    return (
        f'{{"channel":"ticker","type":"{kind}","data":[{{"symbol":"{market.venue_symbol}",'
        f'"bid":{market.price_text(bid)},"bid_qty":{market.size_text(bid_size)},"ask":{market.price_text(ask)},'
        f'"ask_qty":{market.size_text(ask_size)},"last":{market.price_text(last)},"volume":{len(market.prints)}.5,'
        f'"vwap":{market.price_text(last)},"low":1.0,"high":99999.9,"change":1.5,"change_pct":0.01,'
        f'"timestamp":"{_when(market.time_ms)}"}}]}}'
    )


def _prints(kind: str, market: Market, prints: tuple[Print, ...] | list[Print]) -> str:
    rows = ",".join(
        f'{{"symbol":"{market.venue_symbol}","side":"{"buy" if each.buys else "sell"}",'
        f'"price":{market.price_text(each.price)},"qty":{market.size_text(each.size)},"ord_type":"market",'
        f'"trade_id":{each.id},"timestamp":"{_when(each.time_ms)}"}}'
        for each in prints
    )
    return f'{{"channel":"trade","type":"{kind}","data":[{rows}]}}'


def _status(system: str) -> str:
    return _dump(
        {
            "channel": "status",
            "type": "update",
            "data": [{"version": "2.0.10", "system": system, "api_version": "v2", "connection_id": 1}],
        }
    )


def _when(time_ms: int) -> str:
    return f"{datetime.fromtimestamp(time_ms // 1000, UTC):%Y-%m-%dT%H:%M:%S}.{time_ms % 1000:03d}000Z"


def _dump(message: object) -> str:
    return json.dumps(message, separators=(",", ":"))
