"""How figures look in pages: the same rules as `static/dashboard/format.js`."""

import re
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django import template
from django.templatetags.static import static
from django.utils.html import format_html

register = template.Library()

NONE = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"
_HYPHEN = re.compile(r"(^|[\s(\xd7:])-(?=\.?\d)")
CENT = Decimal("0.01")
COMPONENT_NAMES = {
    "oi": "Open interest",
    "open_interest": "Open interest",
    "options": "Options flow",
    "options_flow": "Options flow",
}


@register.filter
def plain(value: Decimal | float | None) -> str:
    """Digits with thousands separated and without trailing zeros."""
    if value is None:
        return NONE
    number = value if isinstance(value, Decimal) else Decimal(repr(float(value)))
    text = f"{number:,f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text).replace("-", MINUS)


@register.filter
def average(price: Decimal | None, tick_size: Decimal) -> str:
    """An average of prices: one digit finer than the tick, of which the prices themselves are multiples."""
    if price is None:
        return NONE
    exponent = int(tick_size.normalize().as_tuple().exponent)
    return plain(price.quantize(Decimal(1).scaleb(min(exponent, 0) - 1), ROUND_HALF_UP))


@register.filter
def money(value: Decimal | None, style: str = "") -> str:
    """Two digits after the point; with "signed", a plus where it is above zero."""
    if value is None:
        return NONE
    return f"{value.quantize(CENT, ROUND_HALF_UP):{'+' if style == 'signed' and value else ''},f}".replace("-", MINUS)


@register.filter
def tone(value: Decimal | float | None) -> str:
    """The class of a figure that means gain or loss."""
    return "" if not value else "up" if value > 0 else "down"


@register.filter
def score(value: float | None, digits: int = 2) -> str:
    """A score in [-1, 1] with its sign."""
    if value is None:
        return NONE
    text = f"{value:+.{digits}f}"
    return text.lstrip("+-") if not float(text) else text.replace("-", MINUS)


@register.filter
def machine(value: float | None) -> str:
    """For a script to read."""
    return "0" if value is None else f"{value:.6f}"


@register.filter
def share(value: float | None) -> str:
    """A fraction in percent."""
    return NONE if value is None else f"{value * 100:.0f} %"


@register.filter
def milliseconds(value: float | None) -> str:
    """Milliseconds in the unit a person would use."""
    if value is None:
        return NONE
    if value < 1000:
        return f"{value:.0f} ms"
    if value < 90_000:
        return f"{value / 1000:.1f} s"
    return f"{value / 60_000:.0f} min" if value < 5_400_000 else f"{value / 3_600_000:.0f} h"


@register.filter
def moment(ts_ns: int) -> str:
    """A time element for nanoseconds since the epoch."""
    at = datetime.fromtimestamp(ts_ns / 1e9, tz=UTC)
    return format_html('<time datetime="{}">{}</time>', at.isoformat(), f"{at:%Y-%m-%d %H:%M:%S}")


@register.filter
def spaced(code: str) -> str:
    return str(code).replace("_", " ")


@register.filter
def minus(text: str) -> str:
    """Figures within text below zero with a minus sign, as elsewhere."""
    return _HYPHEN.sub(rf"\1{MINUS}", text)


@register.filter
def sentence(text: str) -> str:
    """What the engine says in passing, as a sentence of its own."""
    return minus(f"{text[0].upper()}{text[1:]}{'' if text[-1] in '.!?' else '.'}") if text else ""


@register.filter
def why(component: dict[str, Any]) -> str:
    """The reason of a component without a value."""
    return minus((component.get("reason") or "nothing received").removeprefix("no data: "))


@register.filter
def words(text: str) -> list[str]:
    return text.split()


@register.filter
def component_name(code: str) -> str:
    return COMPONENT_NAMES.get(code, spaced(code).capitalize())


@register.filter
def inputs(component: dict[str, Any]) -> str:
    """What a component was made of, one line each."""
    parts = component.get("parts") or {}
    pairs = parts.items() if isinstance(parts, dict) else [(part.get("name"), part.get("value")) for part in parts]
    lines = [f"{spaced(name)} {score(value) if isinstance(value, int | float) else value}" for name, value in pairs]
    if component.get("n_obs"):
        lines.append(f"{component['n_obs']} observations")
    return "\n".join([*lines, component.get("reason") or ""]).strip()


@register.simple_tag
def chart_library() -> str:
    """The address of the chart library, or nothing where it is not installed."""
    try:
        return static("vendor/lightweight-charts.standalone.production.mjs")
    except ValueError:  # hashed files: not in the manifest
        return ""
