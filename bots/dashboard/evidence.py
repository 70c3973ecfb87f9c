"""The evidence page: rows of figures as words, bars and lines that a template only has to place."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bots.templatetags.figures import NONE, component_name, score
from quant.evidence.grid import HORIZONS_S, horizon_of
from quant.evidence.verdict import needed_observations
from quant.models import EvidenceRow
from quant.models.evidence import EvidenceKind, EvidenceVerdict
from quant.reading import Component

DEFAULT_HORIZON_S = 3600
DAY_S = 86_400.0
# Widths in the drawing's own units.
BAR_WIDTH, LINE_WIDTH, LINE_HEIGHT = 160.0, 96.0, 24.0
SCALES = (0.05, 0.1, 0.2, 0.5, 1.0)
PLACES = [component.value for component in Component]
ORDER = {"blend": 0, "bot": 1, "component": 2, "vote": 3, "candidate": 4}
HORIZON_NAMES = {60: "1 min", 300: "5 min", 900: "15 min", 3600: "1 h", 14_400: "4 h", 86_400: "1 d"}
REGIME_NAMES = {"trend": "Trend", "range": "Range", "neutral": "Neutral", "calm": "Calm", "volatile": "Volatile"}
GLYPHS = {"supports": "✓", "contradicts": "✕", "nothing": "○", "insufficient": "…"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """An interval and the coefficient in it, in units of the drawing from 0 to BAR_WIDTH."""

    low: float
    width: float
    at: float
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A coefficient over the horizons: points of a polyline, the height of zero, and the chosen horizon."""

    points: str
    zero: float
    chosen: tuple[float, float] | None
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One regime of a subject."""

    ic: str
    tone: str
    glyph: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A line of the table."""

    row: EvidenceRow
    name: str
    glyph: str
    verdict: str
    bar: Bar | None
    line: Line | None
    hits: str
    wait: str
    regimes: Sequence[Cell]


def horizons(chosen_s: int) -> list[dict[str, Any]]:
    return [
        {"seconds": seconds, "name": HORIZON_NAMES[seconds], "chosen": seconds == chosen_s} for seconds in HORIZONS_S
    ]


def horizon_asked(text: str) -> int:
    """The horizon of a query; the usual one for what is none."""
    return int(text) if text.isdecimal() and int(text) in HORIZONS_S else DEFAULT_HORIZON_S


def subjects(
    rows: Iterable[EvidenceRow], *, horizon_s: int, window_days: int, bots: Mapping[int, str]
) -> list[Subject]:
    """One line a subject at the horizon: blends first, then signals, then votes."""
    by_name: dict[str, list[EvidenceRow]] = {}
    for row in rows:
        by_name.setdefault(row.component, []).append(row)
    chosen = [
        row for row in (_at(of, horizon_s) for of in by_name.values()) if row is not None and _is_shown(row, bots)
    ]
    scale = _scale(chosen)
    found = [
        Subject(
            row=row,
            name=_name(row, bots),
            glyph=GLYPHS[row.verdict],
            verdict=EvidenceVerdict(row.verdict).label,
            bar=_bar(row, scale),
            line=_line(by_name[row.component], horizon_s),
            hits=_hits(row),
            wait=wait(row, window_days=window_days),
            regimes=[
                _cell(_at(by_name[row.component], horizon_s, regime), name) for regime, name in REGIME_NAMES.items()
            ],
        )
        for row in chosen
    ]
    return sorted(found, key=lambda subject: (ORDER[subject.row.kind], _place(subject.row), subject.name))


def scale_of(rows: Iterable[EvidenceRow], horizon_s: int) -> float:
    return _scale([row for row in rows if row.horizon_s == horizon_s and not row.regime])


def wait(row: EvidenceRow, *, window_days: int) -> str:
    """How long until something can be said, at the rate so far; empty where it has been said."""
    if row.verdict != EvidenceVerdict.INSUFFICIENT or row.needed is None:
        return ""
    if row.n_eff is None or row.n_eff <= 0:
        return ""
    covered_s = row.n * horizon_of(row.horizon_s).step * 60.0
    whole_s = row.needed * covered_s / row.n_eff
    if whole_s > window_days * DAY_S:
        return f"needs {span(whole_s)} of samples, the window holds {window_days} d"
    return f"about {span(max(60.0, whole_s - covered_s))} to go"


def first_words() -> list[dict[str, str]]:
    """How long a signal must be watched at each horizon, for coefficients of .10 and .05 and returns that overlap."""
    return [
        {
            "horizon": HORIZON_NAMES[seconds],
            "strong": span(needed_observations(0.1) * seconds),
            "usual": span(needed_observations(0.05) * seconds),
        }
        for seconds in HORIZONS_S
    ]


def span(seconds: float) -> str:
    """A duration in the unit a person would use."""
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    if seconds < 2 * DAY_S:
        return f"{seconds / 3600:.0f} h"
    return f"{seconds / DAY_S:,.0f} d"


def _at(rows: Iterable[EvidenceRow], horizon_s: int, regime: str = "") -> EvidenceRow | None:
    return next((row for row in rows if row.horizon_s == horizon_s and row.regime == regime), None)


def _place(row: EvidenceRow) -> int:
    """Signals in the order of the blend's weights."""
    name = row.component.partition(" ")[0]
    return PLACES.index(name) if name in PLACES else len(PLACES)


def _is_shown(row: EvidenceRow, bots: Mapping[int, str]) -> bool:
    return row.bot is None or row.bot in bots


def _name(row: EvidenceRow, bots: Mapping[int, str]) -> str:
    if row.bot is not None:
        return bots[row.bot]
    if row.component == "combined":
        return "Default blend"
    if row.kind == EvidenceKind.CANDIDATE:
        return row.component.capitalize()
    component, _, timeframe = row.component.partition(" ")
    return f"{component_name(component)} {timeframe}".strip()


def _scale(rows: Iterable[EvidenceRow]) -> float:
    """Half the width of the bars: every coefficient fits, and the intervals of those of which something can be said."""
    said = [row for row in rows if row.verdict != EvidenceVerdict.INSUFFICIENT]
    ends = [row.ic for row in rows] + [row.ic_low for row in said] + [row.ic_high for row in said]
    widest = max((abs(end) for end in ends if end is not None), default=0.0)
    return next((scale for scale in SCALES if scale >= widest), 1.0)


def _bar(row: EvidenceRow, scale: float) -> Bar | None:
    if row.ic is None or row.ic_low is None or row.ic_high is None:
        return None
    low, high, at = (
        round(BAR_WIDTH / 2 * (1 + max(-1.0, min(1.0, value / scale))), 2)
        for value in (row.ic_low, row.ic_high, row.ic)
    )
    words = f"{figure(row.ic)}, 95 % between {figure(row.ic_low)} and {figure(row.ic_high)}"
    return Bar(low=low, width=round(max(1.0, high - low), 2), at=at, words=words)


def _line(rows: Sequence[EvidenceRow], horizon_s: int) -> Line | None:
    known = [(i, row.ic) for i, s in enumerate(HORIZONS_S) if (row := _at(rows, s)) is not None and row.ic is not None]
    if len(known) < 2:
        return None
    top, bottom = max(0.0, *(ic for _, ic in known)), min(0.0, *(ic for _, ic in known))
    height = top - bottom or 1.0

    def place(i: int, ic: float) -> tuple[float, float]:
        x = 3 + i * (LINE_WIDTH - 6) / (len(HORIZONS_S) - 1)
        return round(x, 1), round(3 + (top - ic) / height * (LINE_HEIGHT - 6), 1)

    points = {i: place(i, ic) for i, ic in known}
    words = ", ".join(f"{HORIZON_NAMES[HORIZONS_S[i]]} {figure(ic)}" for i, ic in known)
    return Line(
        points=" ".join(f"{x},{y}" for x, y in points.values()),
        zero=place(0, 0.0)[1],
        chosen=points.get(HORIZONS_S.index(horizon_s)),
        words=f"Coefficient by horizon: {words}",
    )


def _hits(row: EvidenceRow) -> str:
    if row.hit_rate is None or row.hit_low is None or row.hit_high is None:
        return NONE
    return f"{row.hit_low * 100:.1f} to {row.hit_high * 100:.1f}"


def _cell(row: EvidenceRow | None, regime: str) -> Cell:
    if row is None or row.ic is None:
        return Cell(ic=NONE, tone="faint", glyph="", words=f"{regime}: {row.reason if row else 'not seen yet'}")
    label = EvidenceVerdict(row.verdict).label
    tone = {"supports": "up", "contradicts": "down"}.get(row.verdict, "soft")
    seen = f"{row.n_eff or 0:,.0f} of {row.needed or 0:,.0f} independent observations"
    return Cell(ic=figure(row.ic), tone=tone, glyph=GLYPHS[row.verdict], words=f"{regime}: {label}, {seen}")


def figure(value: float) -> str:
    """A coefficient with its sign."""
    return score(value, 3)
