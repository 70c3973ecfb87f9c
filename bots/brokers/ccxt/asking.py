"""Every question to a venue goes through here: its call set, its wires judged, waits shared, the clock doubted."""

import asyncio
import decimal
from collections.abc import Awaitable, Callable
from typing import Any

from msgspec import Struct

from bots.brokers.budget import Budget
from bots.brokers.ccxt.clock import VenueClock
from bots.brokers.ccxt.codes.table import CodeTable
from bots.brokers.ccxt.judge import Verdict, Wire, judge
from bots.brokers.ccxt.reading import Unreadable
from bots.brokers.ccxt.redact import redact
from bots.brokers.ccxt.transport import CALL, Call, NoAnswer, NotSent
from bots.brokers.limits import Priority
from bots.brokers.venue import Outcome, VenueUnavailable

# How long a question waits for its turn in the rate budget.
PATIENCE_S = 20.0

Work = Callable[[], Awaitable[Any]]


class Reply(Struct, frozen=True, kw_only=True):
    """What ccxt made of the answer, and what the wire proves. `result` is None unless `verdict.outcome` is."""

    result: Any
    verdict: Verdict
    raw: dict[str, Any]


class Asker:
    """Asks one account's venue."""

    def __init__(self, table: CodeTable, budget: Budget, clock: VenueClock) -> None:
        self._table = table
        self._budget = budget
        self._clock = clock

    async def ask(self, call: Call, work: Work, *, changes: bool = False) -> Reply:
        """Do `work` once. `changes`: judged by the request that changes something, whatever else was asked before it."""
        result, failure = None, ""
        token = CALL.set(call)
        try:
            # ccxt sets rounding and traps in whatever decimal context it finds.
            with decimal.localcontext():
                result = await work()
        except (NotSent, NoAnswer) as error:
            failure = str(error)
        except Unreadable as error:
            failure = f"an answer that makes no sense: {error}"
        except Exception as error:  # noqa: BLE001 - ccxt raises anything at a strange body; the wire says what it means
            failure = redact(error)
        finally:
            CALL.reset(token)
        verdict = self._judge(call, failure, changes=changes)
        if verdict.outcome is None and failure:
            verdict = Verdict(outcome=Outcome.UNCLEAR, error=failure)
        await self._heed(verdict)
        wire = call.wire
        body = wire.body if wire else None
        return Reply(result=result, verdict=verdict, raw=body if isinstance(body, dict) else {})

    async def question(self, work: Work, *, priority: Priority = Priority.QUESTION) -> Any:
        """Ask what may be asked again; waits for the rate budget. Raises VenueUnavailable where no answer can be read."""
        loop = asyncio.get_running_loop()
        until_s = loop.time() + PATIENCE_S
        while True:
            reply = await self.ask(Call(priority=priority), work)
            verdict = reply.verdict
            if verdict.outcome is None:
                return reply.result
            wait_s = verdict.wait_s
            if verdict.outcome is not Outcome.NOT_SENT or wait_s is None or loop.time() + wait_s > until_s:
                raise VenueUnavailable(f"The venue did not answer: {verdict.error}")
            await asyncio.sleep(wait_s)

    def _judge(self, call: Call, failure: str, *, changes: bool) -> Verdict:
        if not changes:
            return self._judge_question(call, failure)
        changing = [wire for wire in call.wires if wire.method != "GET"]
        if changing:
            return judge(_sent_last(changing), self._table)
        if any(wire.sent for wire in call.wires):
            return Verdict(outcome=Outcome.UNCLEAR, error=failure or "nothing was sent that could be judged")
        return judge(call.wire, self._table) if call.wires else _never_asked(failure)

    def _judge_question(self, call: Call, failure: str) -> Verdict:
        """Several requests may have been made at once: by the one that was answered and refused, if it came to that."""
        verdicts = [judge(wire, self._table) for wire in call.wires if wire.status is not None]
        refused = [verdict for verdict in verdicts if verdict.outcome is not None]
        if failure and refused:
            return refused[-1]
        return judge(call.wire, self._table) if call.wires else _never_asked(failure)

    async def _heed(self, verdict: Verdict) -> None:
        if verdict.is_time:
            self._clock.doubt()
        if verdict.wait_s and verdict.outcome is not Outcome.NOT_SENT:
            await self._budget.block(verdict.wait_s, verdict.scope)


def _sent_last(wires: list[Wire]) -> Wire:
    """The last that left; one which was given up after it proves nothing."""
    return next((wire for wire in reversed(wires) if wire.sent), wires[-1])


def _never_asked(failure: str) -> Verdict:
    return Verdict(outcome=Outcome.NOT_SENT, error=failure or "refused before it was sent")
