"""Words of libraries, without what must not be read: keys, signatures and listenKeys in the addresses that they name."""

import re

# Nothing that people read has so many letters and digits without a space or a dot.
_SECRETIVE = re.compile(r"[A-Za-z0-9+/_=%-]{24,}")
LONGEST = 300


def redact(error: BaseException | str) -> str:
    """The error's type and words, the long ones hidden."""
    text = error if isinstance(error, str) else f"{type(error).__name__}: {error}".rstrip(": ")
    return _SECRETIVE.sub("[…]", text)[:LONGEST]
