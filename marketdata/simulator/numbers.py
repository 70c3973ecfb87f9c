"""Exact amounts as whole numbers of 1e-8, the precision of every amount the venue speaks."""

import re

UNIT = 10**8

_DECIMAL = re.compile(r"^([0-9]{1,20})(?:\.([0-9]{1,20}))?$")


class TooPreciseError(ValueError):
    """More than eight decimals."""


def parse(text: str) -> int:
    """Read "1.25" as 125000000. Raises ValueError on anything but digits with one point."""
    match = _DECIMAL.match(text)
    if match is None:
        raise ValueError(text)
    whole, fraction = match.group(1), (match.group(2) or "").rstrip("0")
    if len(fraction) > 8:
        raise TooPreciseError(text)
    return int(whole) * UNIT + int(fraction.ljust(8, "0"))


def fmt(amount: int) -> str:
    """Write 125000000 as "1.25000000"."""
    if amount < 0:
        return "-" + fmt(-amount)
    return f"{amount // UNIT}.{amount % UNIT:08d}"


def times(price: int, quantity: int) -> int:
    """The value of `quantity` at `price`, cut below 1e-8 (exact whenever tick times step is at least 1e-8)."""
    return price * quantity // UNIT
