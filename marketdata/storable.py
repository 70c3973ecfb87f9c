"""Text that PostgreSQL takes, of text that anybody sent."""


def storable(text: str) -> str:
    """Without NUL, and with lone surrogates, which no encoding has, as question marks."""
    if text.isascii():
        return text.replace("\x00", "")
    return text.replace("\x00", "").encode("utf-8", "replace").decode()
