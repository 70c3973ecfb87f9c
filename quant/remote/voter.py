"""Models and policies of other servers as voters of the blend.

A request names the symbol, the moment in ms and the features by name, null where one is missing:
`POST {url}/predict {"symbol", "timestamp", "features": {name: number | null}}`. The answer is an action, BUY, SELL or
HOLD, or 2, 0, 1 for them, with a confidence in [0, 1] and, optionally, the probabilities of all three:
`{"action", "confidence", "probabilities": {"sell", "hold", "buy"} | [sell, hold, buy], "symbol", "timestamp"}`.
"""

import math
import random
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import msgspec
import structlog
from msgspec import Struct

from quant.reading import REMOTE_PART, Component, Reading
from quant.remote.breaker import Breaker
from quant.remote.client import NS_PER_MS, check_time
from quant.remote.latest import plain_name
from quant.remote.transport import Health, Terms, Transport, Unusable

log = structlog.get_logger(__name__)

SIGNS = {"SELL": -1.0, "HOLD": 0.0, "BUY": 1.0, 0: -1.0, 1: 0.0, 2: 1.0}
SUM_TOLERANCE = 0.01
# A confidence may be calibrated apart from the probabilities; further from that of its own action it contradicts them.
CONFIDENCE_TOLERANCE = 0.25


class Asked(Struct, frozen=True):
    symbol: str
    timestamp: int
    features: dict[str, float | None]


class Probabilities(Struct, frozen=True):
    sell: float
    hold: float
    buy: float


class Vote(Struct, frozen=True):
    action: str | int
    confidence: float
    probabilities: Probabilities | tuple[float, float, float] | None = None
    symbol: str | None = None
    timestamp: float | str | None = None


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Vote).decode


class RemoteVoter:
    """Asks one server for its vote as `component` (MODEL or POLICY). Never raises: what is wrong stands in `health`."""

    def __init__(
        self,
        component: Component,
        url: str,
        *,
        terms: Terms | None = None,
        breaker: Breaker | None = None,
        rng: random.Random | None = None,
        tell: Callable[[Health], Coroutine[Any, Any, None]] | None = None,
    ) -> None:
        self.component = component
        self._transport = Transport(
            component.value, f"{url.rstrip('/')}/predict", terms=terms or Terms(), breaker=breaker, rng=rng, tell=tell
        )

    @property
    def health(self) -> Health:
        return self._transport.health

    async def close(self) -> None:
        await self._transport.close()

    async def vote(self, symbol: str, features: Mapping[str, float | None], now_ns: int) -> Reading | None:
        """The server's vote; None when it has no answer that can be believed. What is not finite is sent as null."""
        asked = await self._transport.ask(
            request(symbol, features, now_ns), lambda body: read_vote(body, symbol=symbol, now_ns=now_ns), now_ns=now_ns
        )
        if asked is None:
            return None
        (value, parts), latency_ms = asked
        log.info(
            "remote.voted",
            voter=self.component.value,
            symbol=symbol,
            latency_ms=round(latency_ms, 1),
            value=value,
            confidence=parts["confidence"],
        )
        return Reading(
            value=value,
            quality=1.0,
            as_of=now_ns,
            n_obs=0,
            parts=parts | {REMOTE_PART: 1.0, "latency_ms": latency_ms},
        )


def request(symbol: str, features: Mapping[str, float | None], now_ns: int) -> bytes:
    known = {name: value if value is not None and math.isfinite(value) else None for name, value in features.items()}
    return _encode(Asked(symbol, now_ns // NS_PER_MS, known))


def read_vote(body: bytes, *, symbol: str, now_ns: int) -> tuple[float, dict[str, float | None]]:
    """(value in [-1, 1], parts). 0 of a HOLD; else p_buy - p_sell, or the confidence in the action's direction.

    Raises Unusable or msgspec.MsgspecError for what is not believed.
    """
    vote = _decode(body)
    if vote.symbol is not None and plain_name(vote.symbol) != plain_name(symbol):
        raise Unusable(f"a vote about {vote.symbol[:64]!r} instead of {symbol}")
    action = vote.action.upper() if isinstance(vote.action, str) else vote.action
    if action not in SIGNS:
        raise Unusable(f"action {vote.action!r}"[:60] + ": allowed is BUY, SELL, HOLD or 0 (sell), 1 (hold), 2 (buy)")
    if not 0.0 <= vote.confidence <= 1.0:
        raise Unusable(f"confidence is {vote.confidence:g}: allowed is 0 to 1")
    check_time(vote.timestamp, now_ns=now_ns)
    parts: dict[str, float | None] = {
        "p_sell": None, "p_hold": None, "p_buy": None, "action": SIGNS[action], "confidence": vote.confidence,
    }  # fmt: skip
    if vote.probabilities is None:
        return SIGNS[action] * vote.confidence, parts
    given = vote.probabilities
    shares = given if isinstance(given, tuple) else (given.sell, given.hold, given.buy)
    if not all(0.0 <= share <= 1.0 for share in shares) or abs(sum(shares) - 1.0) > SUM_TOLERANCE:
        raise Unusable(f"probabilities {shares} are not from 0 to 1 with a sum of 1")
    sign, lean = SIGNS[action], shares[2] - shares[0]
    if sign != 0.0 and sign * lean <= 0.0:
        raise Unusable(f"action {vote.action} against probabilities {shares} of sell, hold, buy")
    share = shares[int(sign) + 1]
    if abs(vote.confidence - share) > CONFIDENCE_TOLERANCE:
        raise Unusable(
            f"confidence {vote.confidence:g} in {vote.action}, to which probabilities {shares} give {share:g}"
        )
    return lean if sign != 0.0 else 0.0, parts | dict(zip(("p_sell", "p_hold", "p_buy"), shares, strict=True))
