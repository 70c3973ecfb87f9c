"""How ages and clocks look on the feeds page: the same rules as `span` in `static/dashboard/format.js`."""

from datetime import datetime

from django import template

from bots.templatetags.figures import MINUS, NONE

register = template.Library()


@register.filter
def seconds(value: float | None) -> str:
    """An age in the unit a person would use; "never" without one."""
    if value is None:
        return "never"
    age_s = max(0.0, value)
    if age_s < 9.95:
        return f"{age_s:.1f} s"
    if age_s < 90:
        return f"{age_s:.0f} s"
    if age_s < 5400:
        return f"{age_s / 60:.0f} min"
    return f"{age_s / 3600:.0f} h" if age_s < 129_600 else f"{age_s / 86_400:.0f} d"


@register.filter
def ago(at: datetime | None, now: datetime) -> str:
    """How long ago something was; "never" if it was not."""
    return "never" if at is None else f"{seconds((now - at).total_seconds())} ago"


@register.filter
def offset(value: float | None) -> str:
    """A difference of clocks in milliseconds, with its sign."""
    return NONE if value is None else f"{value:+,.0f} ms".replace("-", MINUS)
