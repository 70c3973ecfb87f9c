"""Coinbase's Advanced Trade dialect: every message of a connection counted, and the public part of its REST.

Source: https://docs.cdp.coinbase.com/coinbase-app/advanced-trade-apis/websocket/websocket-channels.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

from aiohttp import web

from tests.venues.market import Market, Print, Step
from tests.venues.server import Client, Frame, VenueServer

_GRANULARITIES = {
    "ONE_MINUTE": 60, "FIVE_MINUTE": 300, "FIFTEEN_MINUTE": 900, "THIRTY_MINUTE": 1800, "ONE_HOUR": 3600,
    "FOUR_HOUR": 14400, "ONE_DAY": 86400,
}  # fmt: skip
_API = "/api/v3/brokerage"


class CoinbaseVenue(VenueServer):
    adapter = "coinbase"
    symbols = (("BTC/USD", "BTC-USD", 300_000), ("ETH/USD", "ETH-USD", 20_000), ("FOO/USD", "FOO-USD", 5_000))
    lot = Decimal("0.001")
    book_channel = "level2"

    def routes(self) -> list[web.RouteDef]:
        return [
            *super().routes(),
            web.get(f"{_API}/time", self.answering(lambda request: {"epochMillis": str(self.now_ms())})),
            web.get(f"{_API}/market/products", self.answering(self._products)),
            web.get(f"{_API}/market/product_book", self.answering(self._book)),
            web.get(f"{_API}/market/products/{{id}}/candles", self.answering(self._candles)),
            web.get(f"{_API}/market/products/{{id}}/ticker", self.answering(self._trades)),
        ]

    def hear(self, client: Client, text: str) -> None:
        request = json.loads(text)
        channel, products = request["channel"], request["product_ids"]
        if self.is_silent:
            return
        if self.has_expired_token:
            # Errors are not counted.
            client.send(json.dumps({"type": "error", "message": "authentication failure"}))
            return
        if request["type"] == "unsubscribe":
            client.subscriptions -= {(channel, name) for name in products}
            client.send(self._message(client, "subscriptions", [{"subscriptions": {}}]))
            return
        refused = [name for name in products if name in self.refused or name not in self.markets]
        if refused:
            client.send(json.dumps({"type": "error", "message": f"{refused[0]} is not a valid product"}))
            return
        client.subscriptions |= {(channel, name) for name in products}
        for name in products:
            for frame in self._images(client, channel, self.markets[name]):
                client.send(frame)
        client.send(self._message(client, "subscriptions", [{"subscriptions": {channel: products}}]))

    def book_frames(self, client: Client, market: Market, step: Step) -> list[Frame]:
        return [self._message(client, "l2_data", [_book_event("update", market, step.changes)])]

    def other_frames(self, client: Client, market: Market, step: Step) -> list[Frame]:
        name = market.venue_symbol
        frames: list[Frame] = []
        if step.prints and ("market_trades", name) in client.subscriptions:
            event = {"type": "update", "trades": _prints(market, step.prints)}
            frames.append(self._message(client, "market_trades", [event]))
        if step.prints and ("ticker", name) in client.subscriptions:
            ticker = {
                "type": "ticker", "product_id": name, "price": market.price_text(step.prints[-1].price),
                "volume_24_h": "12.5", "low_24_h": "1", "high_24_h": "99999.9", "low_52_w": "1",
                "high_52_w": "99999.9", "price_percent_chg_24_h": "1.25",
            }  # fmt: skip
            frames.append(self._message(client, "ticker", [{"type": "update", "tickers": [ticker]}]))
        return frames

    def beat(self, client: Client) -> None:
        """Everything is counted, so who is silent is silent altogether."""
        if not self.is_silent and any(channel == "heartbeats" for channel, _ in client.subscriptions):
            self.counts["heartbeats"] += 1
            event = {"current_time": _when(self.now_ms()), "heartbeat_counter": self.counts["heartbeats"]}
            client.send(self._message(client, "heartbeats", [event]))

    def is_let_in(self, request: web.Request) -> bool:
        """Keys are told to it after connecting."""
        return True

    def _images(self, client: Client, channel: str, market: Market) -> list[Frame]:
        if channel == "level2":
            levels = [(True, *level) for level in market.best(1000)[0]] + [
                (False, *level) for level in market.best(1000)[1]
            ]
            return [self._message(client, "l2_data", [_book_event("snapshot", market, levels)])]
        if channel == "market_trades":
            event = {"type": "snapshot", "trades": _prints(market, market.prints[-10:])}
            return [self._message(client, "market_trades", [event])]
        return []

    def _message(self, client: Client, channel: str, events: Sequence[object]) -> str:
        number = client.messages
        client.messages += 1
        message = {
            "channel": channel, "client_id": "", "timestamp": _when(max(market.time_ms for market in self.markets.values())),
            "sequence_num": number, "events": events,
        }  # fmt: skip
        if channel == "l2_data":
            # The time of the change that the message tells.
            message["timestamp"] = _when(self.markets[events[0]["product_id"]].time_ms)  # type: ignore[index]
        return json.dumps(message, separators=(",", ":"))

    def _products(self, request: web.Request) -> object:
        return {
            "products": [
                {
                    "product_id": name, "base_currency_id": name.split("-")[0], "quote_currency_id": "USD",
                    "base_increment": "0.001", "quote_increment": "0.01", "price_increment": "0.1",
                    "base_min_size": "0.001", "base_max_size": "3400", "quote_min_size": "1", "status": "online",
                    "product_type": "SPOT",
                }
                for name in self.markets
            ]
        }  # fmt: skip

    def _book(self, request: web.Request) -> object:
        market = self.markets[request.query["product_id"]]
        bids, asks = (
            [{"price": market.price_text(price), "size": market.size_text(size)} for price, size in side]
            for side in market.best(int(request.query["limit"]))
        )
        return {
            "pricebook": {
                "product_id": market.venue_symbol, "bids": bids, "asks": asks, "time": _when(market.time_ms),
            }
        }  # fmt: skip

    def _candles(self, request: web.Request) -> object:
        market = self.markets[request.match_info["id"]]
        start_s, end_s = int(request.query["start"]), int(request.query["end"])
        rows = [
            {
                "start": str(bar.open_ms // 1000), "low": market.price_text(bar.low),
                "high": market.price_text(bar.high), "open": market.price_text(bar.open),
                "close": market.price_text(bar.close), "volume": market.size_text(bar.volume),
            }
            for bar in market.bars(_GRANULARITIES[request.query["granularity"]])
            if start_s <= bar.open_ms // 1000 <= end_s and bar.trades
        ]  # fmt: skip
        return {"candles": rows[::-1]}

    def _trades(self, request: web.Request) -> object:
        market = self.markets[request.match_info["id"]]
        return {
            "trades": _prints(market, market.prints[-int(request.query["limit"]) :]),
            "best_bid": "",
            "best_ask": "",
        }


def _book_event(kind: str, market: Market, changes: Sequence[tuple[bool, int, int]]) -> dict[str, object]:
    return {
        "type": kind,
        "product_id": market.venue_symbol,
        "updates": [
            {
                "side": "bid" if is_bid else "offer",
                "event_time": "1970-01-01T00:00:00Z" if kind == "snapshot" else _when(market.time_ms),
                "price_level": market.price_text(price),
                "new_quantity": market.size_text(size),
            }
            for is_bid, price, size in changes
        ],
    }


def _prints(market: Market, prints: Sequence[Print]) -> list[dict[str, str]]:
    """Newest first, with the maker's side."""
    return [
        {
            "product_id": market.venue_symbol,
            "trade_id": str(each.id),
            "price": market.price_text(each.price),
            "size": market.size_text(each.size),
            "time": _when(each.time_ms),
            "side": "SELL" if each.buys else "BUY",
        }
        for each in reversed(prints)
    ]


def _when(time_ms: int) -> str:
    return f"{datetime.fromtimestamp(time_ms // 1000, UTC):%Y-%m-%dT%H:%M:%S}.{time_ms % 1000:03d}000000Z"
