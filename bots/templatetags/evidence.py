"""What a change of an order's state rests on, in a sentence."""

from decimal import Decimal
from typing import Any

from django import template
from django.utils.html import format_html

from bots.templatetags.figures import plain, spaced

register = template.Library()


@register.filter
def evidence(event: Any) -> str:
    """A sentence; ids and the rest are its title. Raw clocks are left out: the line has its time."""
    known: dict[str, Any] = event.evidence
    return format_html('<span title="{}">{}</span>', _behind(known), _sentence(known)) if known else ""


def _sentence(known: dict[str, Any]) -> str:
    because = str(known.get("because", ""))
    if "refused" in known:
        return f"not booked: {known['refused']}"
    if "stale_epoch" in known:
        return f"not booked: reported under lease {known['stale_epoch']}, after another engine took over"
    if not because and "epoch" in known:
        return f"passed the gate under lease {known['epoch']}"
    said = known.get("text") or known.get("recovery") or known.get("error") or because
    what = because if because.startswith("incident") else str(said)
    if venue := known.get("venue"):
        what += f" at the {venue} venue"
    if trades := known.get("trades"):
        what += f", {len(trades)} trade{'' if len(trades) == 1 else 's'}"
    if "remaining" not in known:
        return what
    remaining = Decimal(known["remaining"])
    return f"{what}; {f'{plain(remaining)} unfilled' if remaining else 'nothing left'}"


def _behind(known: dict[str, Any]) -> str:
    shown = {
        name: ", ".join(map(str, value)) if isinstance(value, list) else value
        for name, value in known.items()
        if value and not isinstance(value, dict) and not name.endswith(("_ns", "_ms"))
    }
    return "; ".join(f"{spaced(name)}: {value}" for name, value in shown.items())
