"""Things that go wrong at real venues, switched on by hand.

Lasting faults hold for some seconds (or until cleared); the others strike once, at the next occasion.
"""

from dataclasses import dataclass
from enum import StrEnum


class Fault(StrEnum):
    """Each with what it does."""

    DROP_SOCKETS = "drop_sockets"
    CLOSE_LISTENER = "close_listener"
    FREEZE_DATA = "freeze_data"
    SKIP_DEPTH = "skip_depth"
    CLOCK_SKEW = "clock_skew"
    SLOW_MATCHING = "slow_matching"
    LOSE_ANSWER = "lose_answer"
    UNKNOWN_STATUS = "unknown_status"
    GARBLED_ANSWER = "garbled_answer"
    REJECT_REQUEST = "reject_request"
    BAN = "ban"

    @property
    def description(self) -> str:
        return _DESCRIPTIONS[self]


_DESCRIPTIONS = {
    Fault.DROP_SOCKETS: "cut every WebSocket now, without a closing handshake",
    Fault.CLOSE_LISTENER: "stop listening and cut every connection for `seconds`",
    Fault.FREEZE_DATA: "publish no market data for `seconds`; sockets stay open and pings are answered",
    Fault.SKIP_DEPTH: "leave out the next depth frame of `symbol` (all symbols without it)",
    Fault.CLOCK_SKEW: "move the venue's clock by `milliseconds` for `seconds`",
    Fault.SLOW_MATCHING: "wait `milliseconds` between the arrival of an order and its matching, for `seconds`",
    Fault.LOSE_ANSWER: "carry out the next order request, then cut the connection before answering",
    Fault.UNKNOWN_STATUS: "answer the next order request with 503 and code -1006; `executed` says whether it was carried out",
    Fault.GARBLED_ANSWER: "carry out the next order request and answer with an HTML page",
    Fault.REJECT_REQUEST: "answer the next signed request with `status` and `code`",
    Fault.BAN: "answer every request with 418 for `seconds`",
}


@dataclass(slots=True, kw_only=True)
class Active:
    """A switched-on fault; `until_s` on the monotonic clock, None for one that strikes once."""

    fault: Fault
    until_s: float | None
    milliseconds: int = 0
    executed: bool = True
    status: int = 503
    code: int = -1001


class Faults:
    """The faults now on."""

    def __init__(self) -> None:
        self._active: dict[Fault, Active] = {}

    def switch_on(self, active: Active) -> None:
        self._active[active.fault] = active

    def clear(self, fault: Fault | None = None) -> None:
        if fault is None:
            self._active.clear()
        else:
            self._active.pop(fault, None)

    def lasting(self, fault: Fault, now_s: float) -> Active | None:
        """The fault while it lasts."""
        active = self._active.get(fault)
        if active is not None and active.until_s is not None and now_s >= active.until_s:
            self._active.pop(fault, None)
            return None
        return active

    def strike(self, fault: Fault) -> Active | None:
        """The fault, once."""
        return self._active.pop(fault, None)

    def listing(self, now_s: float) -> list[dict[str, object]]:
        return [
            {
                "name": fault.value,
                "description": fault.description,
                "on": self.lasting(fault, now_s) is not None,
            }
            for fault in Fault
        ]
