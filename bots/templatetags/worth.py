"""How figures of the evidence look."""

from decimal import Decimal
from typing import Any

from django import template

from bots.templatetags.figures import MINUS, NONE
from marketdata.events import TIMEFRAME_SECONDS, Timeframe

register = template.Library()


@register.filter
def svg(value: float) -> str:
    """A length in a drawing, whatever the language of the page."""
    return f"{value:.2f}"


@register.filter
def centred(value: float) -> str:
    """Where a mark two units wide begins, to have its middle here."""
    return f"{value - 1.0:.2f}"


@register.filter
def count(value: float | None) -> str:
    """A whole number, thousands separated; shorter from a million on."""
    if value is None:
        return NONE
    return f"{value:,.0f}" if value < 999_999.5 else f"{value / 1e6:,.1f} M"


@register.filter
def plainly(value: float | None, digits: int) -> str:
    if value is None:
        return NONE
    text = f"{value:,.{digits}f}".replace("-", MINUS)
    return text.lstrip(MINUS) if not float(f"{value:.{digits}f}") else text


@register.filter
def percent(value: float) -> str:
    return f"{value * 100:.1f} %"


@register.filter
def positive(value: float) -> str:
    return f"+{value:g}"


@register.filter
def negative(value: float) -> str:
    return f"{MINUS}{value:g}"


@register.filter
def lasting(value: float | None) -> str:
    """A duration in the unit a person would use."""
    if value is None:
        return NONE
    if value < 5400:
        return f"{value / 60:.0f} min"
    amount, unit = (value / 3600, "h") if value < 129_600 else (value / 86_400, "d")
    return f"{amount:.1f}".removesuffix(".0") + f" {unit}"


@register.filter
def part(value: float | None) -> str:
    """A figure behind a signal: small ones with enough digits to tell them apart."""
    if value is None:
        return NONE
    if value == 0.0:
        return "0"
    return f"{value:+.3g}".replace("-", MINUS) if abs(value) <= 1.0 else f"{value:,.4g}".replace("-", MINUS)


@register.filter
def rounded(text: str) -> str:
    """An exact amount, kept as text, to cents."""
    return f"{Decimal(text):,.2f}".replace("-", MINUS)


@register.filter
def by_length(states: dict[Timeframe, Any]) -> list[tuple[Timeframe, Any]]:
    """What is told of each timeframe, the shortest first: the database keeps no order of keys."""
    return sorted(states.items(), key=lambda item: TIMEFRAME_SECONDS[item[0]])


@register.filter
def alike(correlation: dict[str, Any]) -> str:
    """The two signals that say most nearly the same, by the correlation that the blend took; empty without any."""
    names, matrix = correlation["names"], correlation["matrix"]
    pairs = [(matrix[i][j], names[i], names[j]) for i in range(len(names)) for j in range(i)]
    most, one, other = max(pairs, default=(0.0, "", ""))
    return f"{other} and {one}, {most:.2f}".replace("_", " ") if most > 0.0 else ""
