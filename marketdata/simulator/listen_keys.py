"""The user data stream by listenKey: made by POST, kept by PUT, heard at /ws/<listenKey>, expired after an hour.

Binance's futures have it still; its spot market had it until 2025.
"""

import secrets
from dataclasses import dataclass, field

from marketdata.simulator.errors import VenueError
from marketdata.simulator.hub import Hub, Subscriber

VALID_MS = 60 * 60_000


@dataclass(slots=True, kw_only=True)
class _Key:
    name: str
    account_id: int
    until_ms: int
    readers: list[Subscriber] = field(default_factory=list)


class ListenKeys:
    """One key an account, as at Binance: asking again gives the same one for another hour."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._keys: dict[int, _Key] = {}

    def create(self, account_id: int, *, now_ms: int) -> str:
        self.expire_old(now_ms=now_ms)
        key = self._keys.get(account_id)
        if key is None:
            key = self._keys[account_id] = _Key(name=secrets.token_hex(32), account_id=account_id, until_ms=0)
        key.until_ms = now_ms + VALID_MS
        return key.name

    def keep(self, account_id: int, name: str | None, *, now_ms: int) -> None:
        """Good for another hour. Raises -1125 for a key that is not the account's, or has expired."""
        self.expire_old(now_ms=now_ms)
        key = self._keys.get(account_id)
        if key is None or name not in (None, "", key.name):
            raise VenueError(-1125, "This listenKey does not exist.")
        key.until_ms = now_ms + VALID_MS

    def close(self, account_id: int, name: str | None, *, now_ms: int) -> None:
        self.keep(account_id, name, now_ms=now_ms)
        self._silence(self._keys.pop(account_id))

    def join(self, name: str, subscriber: Subscriber, *, now_ms: int) -> bool:
        """Let a socket hear what the key stands for; false when there is no such key."""
        self.expire_old(now_ms=now_ms)
        for key in self._keys.values():
            if key.name == name:
                subscriber.bare_account = True
                key.readers.append(subscriber)
                self._hub.subscribe_account(subscriber, key.account_id)
                return True
        return False

    def expire_old(self, *, now_ms: int) -> None:
        for key in [key for key in self._keys.values() if key.until_ms <= now_ms]:
            self._expire(key, now_ms, as_text=False)

    def expire_all(self, *, now_ms: int, as_text: bool) -> None:
        """`as_text`: the event's time comes as a string, as it once did."""
        for key in list(self._keys.values()):
            self._expire(key, now_ms, as_text=as_text)

    def _expire(self, key: _Key, now_ms: int, *, as_text: bool) -> None:
        moment = f'"{now_ms}"' if as_text else str(now_ms)
        frame = f'{{"e":"listenKeyExpired","E":{moment},"listenKey":"{key.name}"}}'.encode()
        for reader in key.readers:
            reader.send(frame)
        self._silence(self._keys.pop(key.account_id))

    def _silence(self, key: _Key) -> None:
        for reader in key.readers:
            self._hub.unsubscribe_account(reader, key.account_id)
