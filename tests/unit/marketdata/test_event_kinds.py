"""What feeds tell can be chosen on the page."""

import ast
from pathlib import Path

from marketdata.overview import EVENT_KINDS

FEED = Path(__file__).resolve().parents[3] / "marketdata" / "feed"
TELLS = {"note", "_note"}


def told_kinds() -> set[str]:
    """First arguments of calls of note() that stand there as text."""
    calls = (
        node
        for path in FEED.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and node.args
    )
    return {
        call.args[0].value
        for call in calls
        if getattr(call.func, "attr", "") in TELLS
        and isinstance(call.args[0], ast.Constant)
        and isinstance(call.args[0].value, str)
    }


def test_every_kind_that_feeds_tell_can_be_chosen():
    told = told_kinds()
    assert {"renewed", "failed", "rules_changed"} <= told
    assert told <= set(EVENT_KINDS)
