"""What one HTTP exchange with a venue proves, from its status and the venue's own code. ccxt's classes are not asked.

-1021 reaches ccxt's callers as InvalidNonce, a NetworkError; a mapped message may become any class. Raw codes do not lie.
"""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from bots.brokers.ccxt.codes.table import CodeTable, Proof, Said
from bots.brokers.limits import Scope
from bots.brokers.venue import Outcome

# A refusal for too many requests that names no time.
DEFAULT_WAIT_S = 30.0
# Binance's longest ban; who names more is not believed.
LONGEST_WAIT_S = 3 * 86_400.0


class Wire(Struct, kw_only=True):
    """One request as it went over the wire. `sent` is false only where no byte of it can have left."""

    method: str = ""
    url: str = ""
    sent: bool = False
    status: int | None = None
    headers: Mapping[str, str] = {}
    body: Any = None
    text: str = ""
    error: str = ""
    retry_after_s: float | None = None


class Verdict(Struct, frozen=True, kw_only=True):
    """`outcome` None: a success whose body is to be read. `wait_s`: nobody of `scope` may ask before."""

    outcome: Outcome | None
    code: str = ""
    error: str = ""
    wait_s: float | None = None
    scope: Scope = Scope.VENUE
    is_time: bool = False


def judge(wire: Wire | None, table: CodeTable) -> Verdict:
    """Read one exchange. A wire of None: nothing was ever asked."""
    if wire is None or not wire.sent:
        return Verdict(
            outcome=Outcome.NOT_SENT,
            error=wire.error if wire else "refused before it was sent",
            wait_s=wire.retry_after_s if wire else None,
        )
    if wire.status is None:
        return Verdict(outcome=Outcome.UNCLEAR, error=wire.error or "no answer")
    said = table.read(wire.body)
    if wire.status in (418, 429):
        return _limited(wire, table, said)
    code = said[0].code if said else str(wire.status)
    error = _sentence(said, wire)
    if wire.status >= 500:
        return Verdict(outcome=Outcome.UNCLEAR, code=code, error=error, wait_s=_retry_after_s(wire.headers))
    if said:
        return _by_code(said, table, error)
    if 200 <= wire.status < 300 and wire.body is not None:
        return Verdict(outcome=None)
    return Verdict(outcome=Outcome.UNCLEAR, code=code, error=error or "an answer that cannot be read")


def _by_code(said: list[Said], table: CodeTable, error: str) -> Verdict:
    proofs = {table.proof(one) for one in said}
    code = said[0].code
    is_time = code in table.time
    wait_s = table.wait_s.get(code)
    scope = Scope.ACCOUNT if code in table.account_wait else Scope.VENUE
    if proofs == {Proof.REFUSED}:
        outcome = Outcome.REJECTED
    elif proofs == {Proof.UNKNOWN_ORDER}:
        outcome = Outcome.NOT_FOUND
    else:
        outcome = Outcome.UNCLEAR
    return Verdict(outcome=outcome, code=code, error=error, wait_s=wait_s, scope=scope, is_time=is_time)


def _limited(wire: Wire, table: CodeTable, said: list[Said]) -> Verdict:
    """Turned away at the door: nothing happened, and everyone has to wait."""
    code = said[0].code if said else str(wire.status)
    wait_s = _retry_after_s(wire.headers) or _reset_s(wire.headers) or table.wait_s.get(code) or DEFAULT_WAIT_S
    scope = Scope.ACCOUNT if code in table.account_wait and wire.status == 429 else Scope.VENUE
    return Verdict(outcome=Outcome.REJECTED, code=code, error=_sentence(said, wire), wait_s=wait_s, scope=scope)


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    for name in ("Retry-After", "retry-after"):
        text = headers.get(name, "")
        if text.isascii() and text.isdigit():
            return min(float(text), LONGEST_WAIT_S)
    return None


def _reset_s(headers: Mapping[str, str]) -> float | None:
    """KuCoin's, in milliseconds, which is in every answer."""
    text = headers.get("gw-ratelimit-reset", "")
    return min(float(text) / 1000, LONGEST_WAIT_S) if text.isascii() and text.isdigit() else None


def _sentence(said: list[Said], wire: Wire) -> str:
    words = "; ".join(f"{one.code} {one.text}".strip() for one in said) or wire.text[:200] or wire.error
    return f"HTTP {wire.status}: {words}" if words else f"HTTP {wire.status}"
