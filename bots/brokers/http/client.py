"""Signed requests to an HTTP broker, each within the budget, sent once, with what came kept."""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

import msgspec

from bots.brokers.account import VenueAccount
from bots.brokers.ccxt.codes.table import CodeTable, Said
from bots.brokers.ccxt.judge import Wire
from bots.brokers.ccxt.pool import Pool
from bots.brokers.ccxt.reading import Unreadable
from bots.brokers.ccxt.transport import CALL, Call, NotSent, send_once
from bots.brokers.limits import Priority


def _read(body: Any) -> list[Said]:
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return []
    code = str(error.get("code", ""))
    # Only an error that says so refuses: a proxy's, or one of a crash, does not.
    is_refusal = error.get("happened") is False
    return [Said(code=f"refused:{code}" if is_refusal else code, text=str(error.get("message", "")))]


TABLE = CodeTable(
    read=_read,
    prefixes=("refused:",),
    unknown_order=frozenset({"unknown_order"}),
    unclear=("duplicate_order",),
    time=frozenset({"refused:too_late"}),
)


class BrokerClient:
    """`now_ms` is the broker's time, for signing what has no time of its own."""

    def __init__(self, url: str, account: VenueAccount, pool: Pool) -> None:
        self._base = f"{url.rstrip('/')}/v1/{account.exchange}/{account.mode}"
        self._key = account.api_key
        self._secret = account.secret
        self.pool = pool
        self.now_ms: Callable[[], int] = lambda: 0

    async def request(
        self, method: str, path: str, query: Mapping[str, Any] | None = None, body: Any = None
    ) -> dict[str, Any]:
        """The decoded body of a success. Raises NotSent, NoAnswer and Unreadable; the wire says why."""
        call = CALL.get() or Call(priority=Priority.QUESTION)
        wire = Wire(method=method, url=path)
        call.wires.append(wire)
        async with self.pool.turn(call.priority, is_public=False):
            wait_s = await self.pool.budget.take(1.0, call.priority, orders=call.orders)
            if wait_s > 0:
                wire.retry_after_s, wire.error = wait_s, f"the broker's rate budget is used up for {wait_s:.1f} s"
                raise NotSent(wire.error)
            if call.valid_until_ms is not None and self.now_ms() > call.valid_until_ms:
                wire.error = "its time was over before it could be sent"
                raise NotSent(wire.error)
            wire.url, headers, text = self.signed(method, path, query, body, sign_ms=call.sign_ms)
            await send_once(self.pool, wire, {"body": text}, headers)
        try:
            wire.body = msgspec.json.decode(wire.text) if wire.text else None
        except msgspec.DecodeError:
            raise Unreadable("a body that is no JSON") from None
        if not isinstance(wire.body, dict):
            raise Unreadable("a body that is no object")
        return wire.body

    def signed(
        self, method: str, path: str, query: Mapping[str, Any] | None, body: Any, *, sign_ms: int | None = None
    ) -> tuple[str, dict[str, str], str | None]:
        """(url, headers, body): HMAC-SHA256 over time, method, path with query, and body, each on a line of its own."""
        url = f"{self._base}{path}" + (f"?{urlencode(query)}" if query else "")
        text = msgspec.json.encode(body).decode() if body is not None else None
        time_ms = str(sign_ms if sign_ms is not None else self.now_ms())
        target = "/" + url.split("://", 1)[1].split("/", 1)[1]
        payload = "\n".join((time_ms, method, target, text or ""))
        signature = hmac.new(self._secret.encode(), payload.encode(), hashlib.sha256).hexdigest()
        headers = {"X-Broker-Key": self._key, "X-Broker-Time": time_ms, "X-Broker-Signature": signature}
        return url, headers | ({"Content-Type": "application/json"} if text else {}), text
