"""Entries of event streams."""

import json

import pytest

from bots.dashboard.events import parse_id, read_entry


@pytest.mark.parametrize(("text", "parsed"), [("12-3", (12, 3)), ("0-0", (0, 0)), ("12", None), ("", None), (None, None),
                                              ("-1-1", None), ("1-x", None), ("9" * 40 + "-1", None)])  # fmt: skip
def test_positions(text, parsed):
    assert parse_id(text) == parsed


def test_an_event_carries_its_position_in_the_stream():
    payload = b'{"type":"orderUpdate","ts":"t","data":{"a":1}}'
    event = read_entry(b"12-3", {b"payload": payload}, to_all=False)
    assert (event.kind, event.stream_id) == ("orderUpdate", (12, 3))
    assert json.loads(event.text) == {"seq": "12-3", "type": "orderUpdate", "ts": "t", "data": {"a": 1}}
    assert json.loads(read_entry(b"12-3", {b"payload": payload}, to_all=True).text)["all_seq"] == "12-3"


@pytest.mark.parametrize("payload", [b"", b"[]", b"{", b'{"data":{}}', b'{"type":7}'])
def test_what_is_no_event_is_left_out(payload):
    assert read_entry(b"1-1", {b"payload": payload}, to_all=False) is None
    assert read_entry(b"1-1", {}, to_all=False) is None
