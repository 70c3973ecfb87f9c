"""Figures as people read them."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

NOTHING = "-"

# Place in the metrics, what it is called, and how it is written.
FIGURES: tuple[tuple[str, str, str], ...] = (
    ("rows", "Events", "{:,}"),
    ("skill", "Skill over the shares of the classes", "{:+.2%}"),
    ("baseline_skill", "The logistic regression's", "{:+.2%}"),
    ("p_value", "Chance of so much sense of direction by luck", "{:.3f}"),
    ("log_loss", "Log loss", "{:.4f}"),
    ("brier", "Brier score", "{:.4f}"),
    ("calibration_error", "Calibration error", "{:.3f}"),
    ("matthews", "Matthews correlation", "{:+.3f}"),
    ("direction", "Ups and downs told right, balanced", "{:.1%}"),
    ("trades", "Trades", "{:,}"),
    ("mean_bps", "Mean of a trade after costs, bps", "{:+.2f}"),
    ("hit_rate", "Trades that gained", "{:.1%}"),
    ("sharpe", "Sharpe ratio after costs, annual", "{:+.2f}"),
    ("deflated", "Deflated Sharpe ratio, a probability", "{:.3f}"),
)


def metrics_table(metrics: Mapping[str, Any]) -> SafeString | str:
    """The holdout beside walking forward; cross-validation below."""
    if "holdout" not in metrics:
        return NOTHING
    holdout, forward, folds = metrics["holdout"], metrics["walk_forward"], metrics["cross_validation"]
    rows = format_html_join(
        "",
        "<tr><th scope=row>{}</th><td>{}</td><td>{}</td></tr>",
        ((words, figure(holdout.get(key), form), figure(forward.get(key), form)) for key, words, form in FIGURES),
    )
    return format_html(
        "<table><thead><tr><th></th><th scope=col>Holdout</th><th scope=col>Walking forward</th></tr></thead>"
        "<tbody>{}</tbody></table><p>Cross-validated over {} splits: skill {} ± {}, above zero in {}. Shuffled labels: "
        "{}. Temperature {}, threshold of p(buy) - p(sell) {}.</p>",
        rows,
        folds["splits"],
        figure(folds["skill"], "{:+.2%}"),
        figure(folds["skill_deviation"], "{:.2%}"),
        figure(folds["skill_positive"], "{:.0%}"),
        figure(metrics["shuffled_skill"], "{:+.2%}"),
        figure(metrics["temperature"], "{:.2f}"),
        figure(metrics["theta"], "{:.3f}"),
    )


def figure(value: float | None, form: str) -> str:
    return NOTHING if value is None else form.format(value)


def sentences(items: Iterable[str], *, none: str) -> SafeString | str:
    known = list(items)
    return format_html("<ul>{}</ul>", format_html_join("", "<li>{}</li>", ((x,) for x in known))) if known else none


def moment(ns: int | None) -> str:
    return NOTHING if ns is None else f"{datetime.fromtimestamp(ns / 1e9, tz=UTC):%Y-%m-%d %H:%M} UTC"
