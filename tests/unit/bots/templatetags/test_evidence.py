"""The timeline of an order reads as sentences, with the ids behind them."""

from types import SimpleNamespace
from typing import Any

import pytest

from bots.templatetags.evidence import evidence

MATCHED = {
    "because": "filled at once", "venue": "paper", "text": "matched", "at_ns": 1, "reported": "filled",
    "trades": ["a-1"], "remaining": "0E-12",
}  # fmt: skip


def shown(known: dict[str, Any]) -> str:
    return evidence(SimpleNamespace(evidence=known))


def test_a_sentence_with_the_ids_behind_it() -> None:
    assert shown(MATCHED) == (
        '<span title="because: filled at once; venue: paper; text: matched; reported: filled; trades: a-1; '
        'remaining: 0E-12">matched at the paper venue, 1 trade; nothing left</span>'
    )


@pytest.mark.parametrize(
    ("known", "said"),
    [
        (MATCHED | {"trades": ["a-1", "a-2"], "remaining": "0.500"}, "at the paper venue, 2 trades; 0.5 unfilled"),
        ({"epoch": 3, "holder": "engine-1", "sign_ts_ms": 5}, ">passed the gate under lease 3<"),
        ({"because": "the venue refused it with a typed error", "error": "no money", "trades": []}, ">no money<"),
        ({"because": "found at the venue", "trades": []}, ">found at the venue<"),
        (MATCHED | {"because": "incident: fill after expiry"}, ">incident: fill after expiry at the paper venue"),
        ({"refused": "more than ordered", "report": {"order_id": "x"}}, ">not booked: more than ordered<"),
        ({"stale_epoch": 4, "report": {}}, ">not booked: reported under lease 4, after another engine took over<"),
    ],
)
def test_the_sentence_says_what_happened(known: dict[str, Any], said: str) -> None:
    assert said in shown(known)


def test_no_evidence_says_nothing() -> None:
    assert shown({}) == ""


def test_what_a_venue_says_is_escaped() -> None:
    assert "<b>" not in shown({"because": "the venue refused it", "error": "<b>"})
