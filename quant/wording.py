"""Numbers as people read them."""

DIGITS, MAX_DIGITS = 2, 6


def compared(value: float, limit: float) -> tuple[str, str]:
    """Both with two digits after the point, or as many more as it takes to tell them apart.

    >>> compared(0.41, 0.25), compared(0.018, 0.02), compared(0.25, 0.25)
    (('0.41', '0.25'), ('0.018', '0.020'), ('0.25', '0.25'))
    """
    for digits in range(DIGITS, MAX_DIGITS + 1):
        shown, needed = f"{value:.{digits}f}", f"{limit:.{digits}f}"
        if shown != needed:
            return shown, needed
    return f"{value:.{DIGITS}f}", f"{limit:.{DIGITS}f}"
