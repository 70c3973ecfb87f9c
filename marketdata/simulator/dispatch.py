"""One request from arrival to answer: weight, key, signature, window, faults, handler."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from marketdata.simulator import order_entry, signing
from marketdata.simulator.endpoints import Endpoint, Kind
from marketdata.simulator.errors import VenueError
from marketdata.simulator.fault_catalog import Fault
from marketdata.simulator.orders import Account
from marketdata.simulator.parameters import Params
from marketdata.simulator.venue import Venue


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request, however it came; `signed` gives what was signed, `name` is how the door calls it."""

    name: str
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
    venue.key_scope.check(is_order=endpoint.kind is Kind.TRADE)
    refused = venue.faults.strike(Fault.REJECT_REQUEST, channel=request.name)
    if refused is not None:
        raise VenueError(refused.code, "Internal error; unable to process your request.", status=refused.status)
    if endpoint.counts_order:
        short, day = venue.limits.count_order(account.id, now_s=now_s)
        headers.values["X-MBX-ORDER-COUNT-10S"], headers.values["X-MBX-ORDER-COUNT-1D"] = str(short), str(day)
    private = endpoint.private
    assert private is not None
    if endpoint.kind is not Kind.TRADE:
        return private(venue, request.params, account)
    return await order_entry.enter(
        venue,
        venue.receipts,
        request.params,
        account,
        action=endpoint.action,
        work=lambda: private(venue, request.params, account),
    )


def authenticate(venue: Venue, request: Request) -> Account:
    """The account that signed the request, within its window."""
    account = venue.account_of(request.key)
    timestamp, window = signing.read_window(request.params)
    signing.verify(account.secret, request.signed(), request.params.get("signature"))
    signing.check_window(timestamp, window, venue.clock.signature_now_ms(timestamp))
    venue.key_scope.check_nonce(account, timestamp)
    return account
