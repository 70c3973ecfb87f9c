"""Two sessions have one digest exactly when they agree bit for bit."""

from decimal import Decimal

import msgspec

from bots.engine.trace import protective_record
from bots.replay.transcript import Transcript
from bots.trading.records import DecisionRecord
from bots.trading.vocabulary import Action, ExitReason, Trigger
from tests.benchmarks.engine import bot_config

DECISION = protective_record(
    bot_id=1,
    rules=bot_config(1).instruments[0],
    trigger=Trigger.STOP,
    ts_event=17,
    action=Action.SELL,
    price=98.0,
    exit_reason=ExitReason.STOP_LOSS,
    reasoning="the price reached the stop",
)


def digest(
    *, signal: float = 0.1, decision: DecisionRecord = DECISION, quantity: Decimal | None = Decimal("1.0")
) -> str:
    transcript = Transcript()
    transcript.evaluated(17, "Alice's bot", "BTC/USDT", signal, 0.2, 3)
    transcript.decided(decision, "Alice's bot", quantity)
    return transcript.digest


def test_the_same_session_has_the_same_digest_whatever_number_its_bot_has() -> None:
    other = msgspec.structs.replace(DECISION, bot_id=2)
    assert digest() == digest(decision=other)


def test_the_last_bit_of_a_signal_a_price_or_a_quantity_changes_it() -> None:
    digests = {
        digest(),
        digest(signal=0.1 + 2**-55),
        digest(quantity=Decimal("1.00")),
        digest(quantity=None),
        digest(decision=msgspec.structs.replace(DECISION, price=98.00000000000001)),
    }
    assert len(digests) == 5


def test_an_unknown_signal_is_part_of_it() -> None:
    assert digest(signal=float("nan")) == digest(signal=float("nan")) != digest()
