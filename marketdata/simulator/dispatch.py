"""One request from arrival to answer: weight, key, signature, window, faults, handler."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from marketdata.simulator import signing
from marketdata.simulator.endpoints import Endpoint, Kind
from marketdata.simulator.errors import VenueError
from marketdata.simulator.fault_catalog import Fault
from marketdata.simulator.orders import Account
from marketdata.simulator.parameters import Params
from marketdata.simulator.rest_faults import GarbledAnswerError
from marketdata.simulator.venue import Venue


class LostAnswerError(Exception):
    """The request was carried out and its answer must not arrive."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request, however it came; `signed` gives what was signed."""

    params: Params
    key: str | None
    signed: Callable[[], str]
    address: str


@dataclass(slots=True)
class Headers:
    """The counters an answer carries."""

    values: dict[str, str] = field(default_factory=dict)


async def answer(venue: Venue, endpoint: Endpoint, request: Request, headers: Headers) -> object:
    """Carry out a request. Raises VenueError for a refusal, and the faults' errors."""
    now_s = int(time.time())
    used = venue.limits.spend(request.address, endpoint.weight_of(request.params), now_s=now_s)
    headers.values["X-MBX-USED-WEIGHT"] = headers.values["X-MBX-USED-WEIGHT-1M"] = str(used)
    if endpoint.public is not None:
        return await endpoint.public(venue, request.params)
    if endpoint.kind is Kind.KEY:
        assert endpoint.private is not None
        return endpoint.private(venue, request.params, venue.account_of(request.key))
    account = authenticate(venue, request)
    refused = venue.faults.strike(Fault.REJECT_REQUEST)
    if refused is not None:
        raise VenueError(refused.code, "Internal error; unable to process your request.", status=refused.status)
    if endpoint.counts_order:
        short, day = venue.limits.count_order(account.id, now_s=now_s)
        headers.values["X-MBX-ORDER-COUNT-10S"], headers.values["X-MBX-ORDER-COUNT-1D"] = str(short), str(day)
    assert endpoint.private is not None
    if endpoint.kind is not Kind.TRADE:
        return endpoint.private(venue, request.params, account)
    return await _trade(venue, endpoint, request, account)


def authenticate(venue: Venue, request: Request) -> Account:
    """The account that signed the request, within its window."""
    account = venue.account_of(request.key)
    timestamp, window = signing.read_window(request.params)
    signing.verify(account.secret, request.signed(), request.params.get("signature"))
    signing.check_window(timestamp, window, venue.clock.signature_now_ms(timestamp))
    return account


async def _trade(venue: Venue, endpoint: Endpoint, request: Request, account: Account) -> object:
    assert endpoint.private is not None
    slow = venue.faults.lasting(Fault.SLOW_MATCHING, time.monotonic())
    if slow is not None:
        await asyncio.sleep(slow.milliseconds / 1000)
    # The window is judged a second time when the matching engine takes the order up.
    timestamp, window = signing.read_window(request.params)
    signing.check_window(timestamp, window, venue.clock.signature_now_ms(timestamp))
    unknown = venue.faults.strike(Fault.UNKNOWN_STATUS)
    result = endpoint.private(venue, request.params, account) if unknown is None or unknown.executed else None
    if unknown is not None:
        raise VenueError(
            -1006,
            "An unexpected response was received from the message bus. Execution status unknown.",
            status=503,
        )
    if venue.faults.strike(Fault.LOSE_ANSWER) is not None:
        raise LostAnswerError
    if venue.faults.strike(Fault.GARBLED_ANSWER) is not None:
        raise GarbledAnswerError
    return result
