"""The words of a venue beside a status code."""

import pytest

from marketdata.exchanges.words import venue_words


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"code": -1016, "msg": "System maintenance"}', ": System maintenance"),
        (b'{"error": "x", "message": "Back at 12:00 UTC"}', ": Back at 12:00 UTC"),
        (b"System maintenance\r\n\x1b[31mnow", ": System maintenance [31mnow"),
        (b"x" * 1000, ": " + "x" * 160),
        (b"<html><title>503</title></html>", ""),
        (b'{"msg": 7}', ""),
        (b"[1, 2]", ""),
        (b"\xff\xfe\x00", ": \ufffd\ufffd"),
        (b"", ""),
    ],
)
def test_what_a_venue_says(body: bytes, words: str) -> None:
    assert venue_words(body) == words
