"""The events of accounts on their way to the sockets: dropped, late, twice, shuffled or again, as the faults have it."""

import asyncio
import time
from collections import deque
from collections.abc import Callable

from marketdata.simulator.fault_catalog import Fault
from marketdata.simulator.faults import Active, Faults

Event = dict[str, object]
Send = Callable[[Event], None]

_REMEMBERED = 1000


class PrivateEvents:
    """What happened to accounts lately, and what is held back of it."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._lately: dict[int, deque[Event]] = {}
        self._held: dict[int, list[tuple[Event, Send]]] = {}

    def pass_on(self, account_id: int, event: Event, send: Send) -> None:
        """Send an event at once where no fault concerns it."""
        self._lately.setdefault(account_id, deque(maxlen=_REMEMBERED)).append(event)
        if self._strikes(Fault.DROP_EVENTS, event):
            return
        late = self._faults.lasting(Fault.LATE_TRADES, time.monotonic())
        if late is not None and late.kind == "all" and _execution(event) == "TRADE":
            _later(late, send, event)
            return
        if shuffle := self._strikes(Fault.SHUFFLE_EVENTS, event):
            self._hold(account_id, shuffle, event, send)
            return
        if delay := self._strikes(Fault.DELAY_EVENTS, event):
            _later(delay, send, event)
            return
        send(event)
        if twice := self._strikes(Fault.DUPLICATE_EVENTS, event):
            for _ in range(int(twice.factor) - 1):
                send(event)

    def lately(self, account_id: int, count: int) -> list[Event]:
        """The last events of an account, oldest first, sent or not."""
        return list(self._lately.get(account_id, ()))[-count:]

    def _strikes(self, fault: Fault, event: Event) -> Active | None:
        channel = str(event.get("e", ""))
        active = self._faults.lasting(fault, time.monotonic(), channel=channel)
        if active is None or (active.kind and active.kind != _execution(event)):
            return None
        return self._faults.strike(fault, channel=channel)

    def _hold(self, account_id: int, shuffle: Active, event: Event, send: Send) -> None:
        held = self._held.setdefault(account_id, [])
        held.append((event, send))
        if len(held) == 1:
            asyncio.get_running_loop().call_later(shuffle.milliseconds / 1000, self._release, account_id)

    def _release(self, account_id: int) -> None:
        for event, send in reversed(self._held.pop(account_id)):
            send(event)


def _later(active: Active, send: Send, event: Event) -> None:
    asyncio.get_running_loop().call_later(active.milliseconds / 1000, send, event)


def _execution(event: Event) -> str:
    """What kind of execution it tells of, the same on spot and futures streams."""
    inner = event.get("o")
    return str((inner if isinstance(inner, dict) else event).get("x", ""))
