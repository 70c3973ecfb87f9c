"""What a session decided, as a digest: two sessions agree bit for bit exactly when their digests are equal."""

import hashlib
from collections import Counter
from decimal import Decimal

import msgspec

from bots.trading.records import DecisionRecord


class Transcript:
    """An engine's observer. Every evaluation goes into the digest, and every decision that was stored or sent."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._encode = msgspec.msgpack.Encoder(order="deterministic").encode
        self.evaluations = 0
        self.decisions = 0
        self.verdicts: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()

    def evaluated(self, now_ns: int, bot: str, symbol: str, signal: float, confidence: float, code: int) -> None:
        self.evaluations += 1
        self._hash.update(self._encode((now_ns, bot, symbol, signal, confidence, code)))

    def decided(self, decision: DecisionRecord, bot: str, quantity: Decimal | None) -> None:
        self.decisions += 1
        self.verdicts[decision.verdict.value] += 1
        self.reasons.update(reason.code for reason in decision.reasons)
        self._hash.update(
            self._encode(
                (
                    decision.ts_event,
                    bot,
                    decision.symbol,
                    decision.trigger,
                    decision.action,
                    decision.verdict,
                    decision.exit_reason,
                    decision.price,
                    decision.signal,
                    decision.confidence,
                    decision.coverage,
                    decision.multiplier,
                    [(part["name"], part["timeframe"], part["value"], part["quality"]) for part in decision.components],
                    [(reason.code, reason.text) for reason in decision.reasons],
                    None if quantity is None else str(quantity),
                    decision.repeated,
                )
            )
        )
