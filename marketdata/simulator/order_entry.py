"""An order request from its signature to its answer: noted, matched, and broken on the way as the operator wants."""

import asyncio
import time
from collections.abc import Callable

import msgspec

from marketdata.simulator import signing
from marketdata.simulator.errors import VenueError, rejected
from marketdata.simulator.fault_catalog import Fault
from marketdata.simulator.faults import Active, Faults
from marketdata.simulator.orders import Account
from marketdata.simulator.parameters import Params
from marketdata.simulator.public_side import Clock, PublicSide
from marketdata.simulator.receipts import Receipts
from marketdata.simulator.rest_faults import GarbledAnswerError

_WORDS = {
    -1006: "An unexpected response was received from the message bus. Execution status unknown.",
    -1007: "Timeout waiting for response from backend server. Send status unknown; execution status unknown.",
    0: "",
}


class LostAnswerError(Exception):
    """The answer of a request must not arrive."""


async def enter(
    side: PublicSide, receipts: Receipts, params: Params, account: Account, *, action: str, work: Callable[[], object]
) -> object:
    """Carry out `work`, an order request, as its faults have it. Raises VenueError, and the faults' own errors."""
    number = receipts.received(account.id, action, params, now_ns=time.time_ns())
    outcome = "cut"
    try:
        result = await _matched(side, params, action=action, work=work)
        outcome = "accepted"
    except VenueError as refused:
        outcome = str(refused.code)
        raise
    except _UncarriedError as uncarried:
        outcome = "not carried out"
        raise uncarried.error from None
    finally:
        receipts.ended(number, outcome)
    await _answer(side.faults, result, action)
    return result


class _UncarriedError(Exception):
    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


async def _matched(side: PublicSide, params: Params, *, action: str, work: Callable[[], object]) -> object:
    faults = side.faults
    slow = faults.lasting(Fault.SLOW_MATCHING, time.monotonic())
    if slow is not None:
        await asyncio.sleep(slow.milliseconds / 1000)
    # The window is judged a second time when the matching engine takes the order up.
    judge_window(side.clock, params)
    _halted(faults, params, action)
    for fault in (Fault.UNKNOWN_STATUS, Fault.LOSE_ANSWER, Fault.GARBLED_ANSWER):
        ahead = faults.lasting(fault, time.monotonic(), channel=action)
        if ahead is not None and not ahead.executed:
            struck = faults.strike(fault, channel=action)
            if struck is not None:
                raise _UncarriedError(_error_of(struck, {}))
    return work()


def judge_window(clock: Clock, params: Params) -> None:
    timestamp, window = signing.read_window(params)
    signing.check_window(timestamp, window, clock.signature_now_ms(timestamp))


def _halted(faults: Faults, params: Params, action: str) -> None:
    halt = faults.lasting(Fault.HALT_TRADING, time.monotonic(), symbol=params.get("symbol", "").upper())
    if halt is None:
        return
    if action != "cancel":
        raise rejected("Market is closed.")
    if halt.kind == "closed":
        raise VenueError(-1016, "This service is no longer available.", status=503)


async def _answer(faults: Faults, result: object, action: str) -> None:
    """Let the answer leave, or not. Raises what leaves instead."""
    slow = faults.strike(Fault.SLOW_ACK, channel=action)
    if slow is not None:
        await asyncio.sleep(slow.milliseconds / 1000)
    for fault in (Fault.UNKNOWN_STATUS, Fault.LOSE_ANSWER, Fault.GARBLED_ANSWER):
        ahead = faults.lasting(fault, time.monotonic(), channel=action)
        struck = faults.strike(fault, channel=action) if ahead is not None and ahead.executed else None
        if struck is not None:
            raise _error_of(struck, result)


def _error_of(struck: Active, result: object) -> Exception:
    match struck.fault:
        case Fault.UNKNOWN_STATUS:
            words = _WORDS.get(struck.code, "Internal error; unable to process your request. Please try again.")
            return VenueError(struck.code, words, status=struck.status)
        case Fault.LOSE_ANSWER:
            return LostAnswerError()
    whole = msgspec.json.encode(result)
    match struck.kind:
        case "truncate":
            return GarbledAnswerError(body=whole[: len(whole) // 2], content_type="application/json")
        case "empty":
            return GarbledAnswerError(body=b"", content_type="application/json")
        case "other":
            return GarbledAnswerError(body=b'[{"notice":"rolling out"}]', content_type="application/json")
    return GarbledAnswerError()
