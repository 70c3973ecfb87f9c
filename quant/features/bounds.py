"""Which numbers may be a price or a size: none that would overflow in a square or a ratio. NaN is neither."""

LEAST = 1e-30
MOST = 1e30


def is_price(x: float) -> bool:
    return LEAST < x < MOST


def is_size(x: float) -> bool:
    return 0.0 <= x < MOST
