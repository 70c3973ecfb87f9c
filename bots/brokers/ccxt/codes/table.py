"""How a venue's answer is read for its code, and what each code proves."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

from msgspec import Struct


class Proof(StrEnum):
    """What a code proves: refused, so that nothing happened; or the order asked for is not known (any more)."""

    REFUSED = "refused"
    UNKNOWN_ORDER = "unknown_order"


class Said(Struct, frozen=True, kw_only=True):
    """A venue's code and words in an answer."""

    code: str
    text: str = ""


class CodeTable(Struct, frozen=True, kw_only=True):
    """One venue's codes.

    `read` gives the codes of a decoded body, none where it is a success. `refused` and `unknown_order` are exact codes;
    `prefixes` are beginnings of codes that refuse. `unclear` are words which, in a text, take the proof away: "Duplicate
    order sent" refuses a request whose order exists. `wait_s` are codes after which everyone has to wait. `time` are
    refusals for the time that a request was signed with.
    """

    read: Callable[[Any], list[Said]]
    refused: frozenset[str] = frozenset()
    unknown_order: frozenset[str] = frozenset()
    prefixes: tuple[str, ...] = ()
    unclear: tuple[str, ...] = ("duplicate",)
    wait_s: Mapping[str, float] = {}
    account_wait: frozenset[str] = frozenset()
    time: frozenset[str] = frozenset()

    def proof(self, said: Said) -> Proof | None:
        text = f"{said.code} {said.text}".lower()
        if any(word in text for word in self.unclear):
            return None
        if said.code in self.unknown_order:
            return Proof.UNKNOWN_ORDER
        if said.code in self.refused or said.code.startswith(self.prefixes or ("\0",)):
            return Proof.REFUSED
        return None
