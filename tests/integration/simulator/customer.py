"""A customer of the simulated exchange who signs requests by hand, and the operator who breaks it for her."""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import websockets

from tests.simulator_fixture import Simulator

PATIENCE_S = 60


class Customer:
    """One account, opened for a test."""

    def __init__(self, exchange: Simulator, name: str, *, fee_asset: str = "", **balances: str) -> None:
        self.exchange = exchange
        self.http = httpx.Client(base_url=exchange.rest_url, timeout=PATIENCE_S)
        opened = self.operate(
            "POST",
            "/sim/accounts",
            {"name": name, "balances": balances or {"USDT": "100000", "BTC": "2"}, "fee_asset": fee_asset},
        )
        self.id, self.key, self.secret = opened["id"], opened["key"], opened["secret"]
        self._names = 0

    def close(self) -> None:
        self.http.close()

    # As a client

    def signed(self, method: str, path: str, *, timestamp: int | None = None, **params: object) -> httpx.Response:
        given = {"timestamp": timestamp or int(time.time() * 1000), "recvWindow": 60_000} | params
        query = "&".join(f"{name}={value}" for name, value in given.items())
        signature = hmac.new(self.secret.encode(), query.encode(), hashlib.sha256).hexdigest()
        target = path if path.startswith("/") else f"/api/v3/{path}"
        return self.http.request(method, f"{target}?{query}&signature={signature}", headers={"X-MBX-APIKEY": self.key})

    def ask(self, method: str, path: str, **params: object) -> Any:
        answer = self.signed(method, path, **params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def quote(self) -> tuple[float, float]:
        top = self.http.get("/api/v3/ticker/bookTicker?symbol=BTCUSDT").json()
        return float(top["bidPrice"]), float(top["askPrice"])

    def place(self, **params: object) -> httpx.Response:
        """A bid for 0.01 far below the market, unless it is told otherwise."""
        self._names += 1
        order: dict[str, object] = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "quantity": "0.01"}
        if params.get("type", "LIMIT") == "LIMIT":
            order |= {"timeInForce": "GTC", "price": f"{self.quote()[0] * 0.8:.2f}"}
        return self.signed("POST", "order", **order | {"newClientOrderId": f"{self.id}-{self._names}"} | params)

    def placed(self, **params: object) -> Any:
        answer = self.place(**params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def bought(self, quantity: str = "0.01") -> Any:
        return self.placed(type="MARKET", quantity=quantity)

    def order(self, number: int) -> httpx.Response:
        return self.signed("GET", "order", symbol="BTCUSDT", orderId=number)

    def cancel(self, number: int, **params: object) -> httpx.Response:
        return self.signed("DELETE", "order", symbol="BTCUSDT", orderId=number, **params)

    def trades(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.ask("GET", "myTrades", symbol="BTCUSDT")
        return rows

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["Stream"]:
        answer = await asyncio.to_thread(self.http.post, "/api/v3/userDataStream", headers={"X-MBX-APIKEY": self.key})
        async with websockets.connect(f"{self.exchange.websocket_url}/ws/{answer.json()['listenKey']}") as client:
            yield Stream(client)

    @asynccontextmanager
    async def calling(self) -> AsyncIterator["Api"]:
        """A socket of the WebSocket API."""
        async with websockets.connect(f"{self.exchange.websocket_url}/ws-api/v3") as client:
            yield Api(client, self.key, self.secret)

    # As the operator

    def operate(self, method: str, path: str, body: object = None) -> Any:
        answer = self.http.request(method, path, json={} if body is None and method == "POST" else body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def switch(self, name: str, **settings: object) -> None:
        self.operate("POST", "/sim/faults", {"name": name, **settings})

    def switch_all_off(self) -> None:
        for row in self.operate("GET", "/sim/faults"):
            if row["on"]:
                self.switch(row["name"], on=False)

    @property
    def truth(self) -> dict[str, Any]:
        """What the venue knows of the account, whatever it says."""
        ledger: dict[str, Any] = self.operate("GET", f"/sim/accounts/{self.id}/ledger")
        return ledger

    def true_order(self, number: int) -> dict[str, Any]:
        return next(row for row in self.truth["orders"] if row["orderId"] == number)

    def by_hand(self, method: str, path: str, body: object = None) -> Any:
        return self.operate(method, f"/sim/accounts/{self.id}/{path}", body)


class Stream:
    """The events of an account's stream."""

    def __init__(self, client: websockets.ClientConnection) -> None:
        self._client = client

    async def event(self, *, kind: str = "executionReport", execution: str = "") -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                event = json.loads(await self._client.recv())
                if event.get("e") == kind and event.get("x", "") in (execution or event.get("x", ""),):
                    return dict(event)

    async def executions(self, count: int) -> list[str]:
        """The kinds of the next executions."""
        return [(await self.event())["x"] for _ in range(count)]


class Api:
    """Signed requests over the WebSocket API."""

    def __init__(self, client: websockets.ClientConnection, key: str, secret: str) -> None:
        self.client = client
        self._key = key
        self._secret = secret

    async def ask(self, method: str, **params: object) -> dict[str, Any]:
        """The answer to a request, whatever else comes before it."""
        given = {**params, "apiKey": self._key, "timestamp": int(time.time() * 1000), "recvWindow": 60_000}
        text = "&".join(f"{name}={value}" for name, value in sorted(given.items()))
        given["signature"] = hmac.new(self._secret.encode(), text.encode(), hashlib.sha256).hexdigest()
        await self.client.send(json.dumps({"id": 1, "method": method, "params": given}))
        while True:
            message = await self.heard()
            if message.get("id") == 1:
                return message

    async def heard(self) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE_S):
            return dict(json.loads(await self.client.recv()))
