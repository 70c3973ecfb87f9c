"""The faults of requests, the same at every door: maintenance, limits, bans, slow and senseless answers."""

import asyncio
import math
import time

from marketdata.simulator.errors import VenueError
from marketdata.simulator.fault_catalog import Fault
from marketdata.simulator.faults import Active, Faults

_TOO_MANY = "Too many requests; please use the websocket for live updates to avoid polling the API."
_BANNED = "Way too much request weight used; IP banned. Please use WebSocket Streams for live updates to avoid bans."
_CLOSED = "System maintenance: this service is no longer available for the time being."


class GarbledAnswerError(Exception):
    """What leaves is not the answer: `body`, with status 200."""

    def __init__(
        self, body: bytes = b"<html><body>Request blocked.</body></html>", content_type: str = "text/html"
    ) -> None:
        super().__init__(content_type)
        self.body = body
        self.content_type = content_type


async def check(faults: Faults, name: str) -> None:
    """Let a request through, perhaps late. Raises VenueError or GarbledAnswerError."""
    now_s = time.monotonic()
    slow = faults.strike(Fault.SLOW_ANSWER, channel=name, now_s=now_s)
    if slow is not None:
        await asyncio.sleep(slow.milliseconds / 1000)
        now_s = time.monotonic()
    if faults.lasting(Fault.MAINTENANCE, now_s) is not None:
        raise VenueError(-1016, _CLOSED, status=503)
    banned = faults.lasting(Fault.BAN, now_s)
    if banned is not None:
        raise _ban(banned, now_s)
    limited = faults.lasting(Fault.TOO_MANY_REQUESTS, now_s)
    if limited is not None:
        _limit(faults, limited, now_s)
    if faults.strike(Fault.GARBAGE, channel=name, now_s=now_s) is not None:
        raise GarbledAnswerError


def _limit(faults: Faults, limited: Active, now_s: float) -> None:
    """429 once; then 418 for who does not wait, and nothing for who does."""
    wait_s = limited.milliseconds / 1000
    if limited.first_s is None:
        limited.first_s = now_s
        raise VenueError(-1003, _TOO_MANY, status=429, retry_after_s=math.ceil(wait_s))
    faults.clear(Fault.TOO_MANY_REQUESTS)
    if now_s < limited.first_s + wait_s:
        ban = Active(fault=Fault.BAN, until_s=now_s + limited.seconds)
        faults.switch_on(ban)
        raise _ban(ban, now_s)


def _ban(banned: Active, now_s: float) -> VenueError:
    left_s = 60 if banned.until_s is None else math.ceil(banned.until_s - now_s)
    return VenueError(-1003, _BANNED, status=418, retry_after_s=max(1, left_s))
