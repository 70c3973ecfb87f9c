"""Damaged bytes end in an answer or a refusal, never in another exception, and never in a number that was not sent."""

import json
from decimal import Decimal

import msgspec
import pytest

from quant.remote.answer import answer
from quant.remote.client import read_answer
from quant.remote.question import Refused, read_question
from quant.remote.transport import Unusable
from quant.remote.voter import read_vote
from tests.unit.marketdata.mutations import mutations
from tests.unit.quant.remote.cast import NOW_MS, question, walk

COUNT = 4000
NOW_NS = NOW_MS * 1_000_000
# What the transport takes for an answer that cannot be used.
DISBELIEF = (Unusable, msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError)


def test_questions():
    good = [question(walk(5)), question(walk(55), exchange="binance"), question([], timestamp=NOW_MS // 1000)]
    accepted, refusals = 0, set()
    for body in mutations(good, COUNT, seed=1):
        try:
            asked = read_question(body, now_ms=NOW_MS)
        except Refused as refused:
            refusals.add((refused.field, str(refused)))
            continue
        accepted += 1
        said = answer(asked, None, now_ms=NOW_MS)
        assert all(value is None or -1 <= value <= 1 for value in said.values())
        sent = json.loads(body.decode(errors="replace"), parse_float=Decimal, parse_int=Decimal)["candles"]
        closes = [float(candle["close"]) for candle in sent]
        assert asked.candles.close.tolist() == closes
    assert accepted > 0
    assert all(field and words for field, words in refusals)
    assert len(refusals) > 20


@pytest.mark.parametrize("read", [read_answer, read_vote])
def test_answers(read):
    good = {
        read_answer: [
            b'{"signals":{"speed":0.5,"microstructure":-0.25,"oi":null,"combined":0.1},"latency_ms":1.5,"timestamp":%d}'
            % NOW_MS,
            b'{"signals":{"speed":1,"volatility":-1},"timestamp":"2026-01-02T00:00:00+00:00","symbol":"BTC/USDT"}',
        ],
        read_vote: [
            b'{"action":"BUY","confidence":0.7,"probabilities":{"sell":0.1,"hold":0.2,"buy":0.7},"timestamp":%d}'
            % NOW_MS,
            b'{"action":0,"confidence":0.5,"probabilities":[0.5,0.25,0.25],"symbol":"BTCUSDT"}',
        ],
    }[read]
    believed = 0
    for body in mutations(good, COUNT, seed=2):
        try:
            said = read(body, symbol="BTC/USDT", now_ns=NOW_NS)
        except DISBELIEF:
            continue
        believed += 1
        values = said[:1] if isinstance(said, tuple) else msgspec.structs.astuple(said)
        assert all(value is None or -1 <= value <= 1 for value in values)
    assert 0 < believed < COUNT
