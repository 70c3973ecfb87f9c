"""What a venue says beside a status code, for people."""

import re

import msgspec

_LENGTH = 160


class _Told(msgspec.Struct):
    msg: str = ""
    message: str = ""


def venue_words(body: bytes) -> str:
    """ ": " and a venue's words in an answer that refuses: a JSON object's msg or message, or plain text; "" for a page."""
    text = body[:4096].decode("utf-8", "replace")
    try:
        told = msgspec.json.decode(body, type=_Told)
    except msgspec.DecodeError:
        words = "" if text.lstrip()[:1] in ("<", "{", "[") else text
    else:
        words = told.msg or told.message
    words = re.sub(r"[^\x20-\x7e\xa0-\uffff]+", " ", words).strip()[:_LENGTH]
    return f": {words}" if words else ""
