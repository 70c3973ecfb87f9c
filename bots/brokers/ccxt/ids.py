"""Our order ids in the forms that venues accept as client order ids, and back."""

from base64 import b32decode, b32encode
from binascii import Error as Base32Error
from enum import StrEnum
from uuid import UUID


class IdForm(StrEnum):
    """HEX: 32 digits, and Kraken's short UUID. UUID: with dashes. SHORT: 26 letters and digits. GATE: "t-" before those."""

    HEX = "hex"
    UUID = "uuid"
    SHORT = "short"
    GATE = "gate"


def to_venue(order_id: UUID, form: IdForm) -> str:
    if form is IdForm.HEX:
        return order_id.hex
    if form is IdForm.UUID:
        return str(order_id)
    short = b32encode(order_id.bytes).decode().rstrip("=").lower()
    return f"t-{short}" if form is IdForm.GATE else short


def from_venue(text: str | None) -> str:
    """Our 32 digits where the text is one of the forms, else the text as it is: somebody else's."""
    text = text or ""
    short = text.removeprefix("t-")
    if len(short) == 26:
        try:
            return UUID(bytes=b32decode(short.upper() + "======")).hex
        except (Base32Error, ValueError):
            return text
    if len(text) in (32, 36):
        try:
            return UUID(text).hex
        except ValueError:
            return text
    return text
