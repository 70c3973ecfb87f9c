"""Exact arithmetic of money and quantities: at most 12 decimals, never a float."""

from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_HALF_EVEN, Context, Decimal

QUANTUM = Decimal("1e-12")
ZERO = Decimal(0)
# 28 digits, the default, would round the product of two amounts of 12 decimals before it is quantised.
CONTEXT = Context(prec=60, rounding=ROUND_HALF_EVEN)


def quantise(amount: Decimal) -> Decimal:
    """To 12 decimals, half to even."""
    return CONTEXT.quantize(amount, QUANTUM)


def multiply(a: Decimal, b: Decimal) -> Decimal:
    """The product, to 12 decimals."""
    return quantise(CONTEXT.multiply(a, b))


def multiply_up(a: Decimal, b: Decimal) -> Decimal:
    """The product, up to 12 decimals: for what is held back."""
    return CONTEXT.multiply(a, b).quantize(QUANTUM, rounding=ROUND_CEILING, context=CONTEXT)


def divide(a: Decimal, b: Decimal) -> Decimal:
    """The quotient, to 12 decimals. Raises decimal.DivisionByZero."""
    return quantise(CONTEXT.divide(a, b))


def share(whole: Decimal, part: Decimal, of: Decimal) -> Decimal:
    """`whole · part / of`, to 12 decimals; exactly `whole` where `part` is all of it."""
    if part == of:
        return whole
    return quantise(CONTEXT.divide(CONTEXT.multiply(whole, part), of))


def from_float(value: float) -> Decimal:
    """The decimal that a venue wrote, from the float it was read into; to 12 decimals."""
    return quantise(Decimal(repr(float(value))))


def floor_to(amount: Decimal, step: Decimal) -> Decimal:
    """The largest multiple of `step` at or below a non-negative amount."""
    return CONTEXT.multiply(CONTEXT.divide(amount, step).to_integral_value(rounding=ROUND_DOWN), step)


def ceil_to(amount: Decimal, step: Decimal) -> Decimal:
    """The smallest multiple of `step` at or above an amount."""
    return CONTEXT.multiply(CONTEXT.divide(amount, step).to_integral_value(rounding=ROUND_CEILING), step)
