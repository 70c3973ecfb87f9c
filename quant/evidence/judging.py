"""Everything that is to be said of one instrument's signals, from its window."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from quant.candidates import PREFIX
from quant.evidence.blending import BlendSpec, blend_of, column_of, default_weights, weights_of
from quant.evidence.coefficient import MIN_PAIRS, Coefficient, Mask, independent_coefficient, information_coefficient
from quant.evidence.decay import half_life_s
from quant.evidence.grid import HORIZONS_S, Horizon, Window, forward_returns, horizon_of
from quant.evidence.rates import HitRate, break_even_bps, hit_rate, turnover
from quant.evidence.sharpe import Performance, deflated_sharpe, performance, probabilistic_sharpe
from quant.evidence.verdict import Judged, Verdict, judge, needed_observations
from quant.reading import LEARNED
from quant.vector import Floats

ALL = ""
COMBINED = "combined"


class Kind(StrEnum):
    COMPONENT = "component"
    BLEND = "blend"
    BOT = "bot"
    VOTE = "vote"
    CANDIDATE = "candidate"


class Subject(Struct, frozen=True, kw_only=True):
    """Something that has an opinion every minute. `without`: the default blend where it has no say."""

    kind: Kind
    name: str
    signal: Floats
    bot_id: int | None = None
    without: Floats | None = None


class Evidence(Struct, frozen=True, kw_only=True):
    """What one subject was worth at one horizon in one regime."""

    kind: Kind
    name: str
    bot_id: int | None
    horizon_s: int
    regime: str
    found: Coefficient
    independent: Coefficient
    hits: HitRate
    turnover: float | None
    break_even_bps: float | None
    marginal_ic: float | None
    performance: Performance
    judged: Judged
    half_life_s: float | None = None
    psr: float | None = None
    dsr: float | None = None


def subjects_of(window: Window, specs: Iterable[BlendSpec] = ()) -> list[Subject]:
    """Every component on closed bars, learned votes, versions of models, the default blend, each bot's own, candidates."""
    weights = default_weights(window)
    default = blend_of(window, weights)
    found = []
    for name, signal in window.values.items():
        if name.startswith(PREFIX):
            found.append(Subject(kind=Kind.CANDIDATE, name=name, signal=signal))
            continue
        column = column_of(name)
        if column is None or column.forming or column.without:
            continue
        kind = Kind.VOTE if column.component in LEARNED else Kind.COMPONENT
        without = None
        if weights.get(name, 0.0) > 0.0:
            without = blend_of(window, {other: weight for other, weight in weights.items() if other != name})
        found.append(Subject(kind=kind, name=name, signal=signal, without=without))
    found += [Subject(kind=Kind.VOTE, name=name, signal=said) for name, said in window.predictions.items()]
    stored = np.isfinite(window.combined).any()
    found.append(Subject(kind=Kind.BLEND, name=COMBINED, signal=window.combined if stored else default))
    for spec in specs:
        try:
            own = blend_of(window, weights_of(window, spec))
        except ValueError:  # none of its columns was ever sampled
            own = np.full(len(window.mid), np.nan)
        found.append(Subject(kind=Kind.BOT, name=spec.name, signal=own, bot_id=spec.bot_id))
    return found


def weigh(window: Window, specs: Sequence[BlendSpec] = (), *, horizons_s: Sequence[int] = HORIZONS_S) -> list[Evidence]:
    """Every subject at every horizon, in all regimes and in each that has been seen."""
    subjects = subjects_of(window, specs)
    blend = blend_of(window, default_weights(window))
    rows: list[Evidence] = []
    for seconds in horizons_s:
        horizon = horizon_of(seconds)
        returns = forward_returns(window.mid, window.close, horizon.minutes)[:: horizon.step]
        regimes = {name: mask[:: horizon.step] for name, mask in window.regimes.items()}
        of_horizon = [row for subject in subjects for row in _rows(subject, blend, returns, regimes, horizon)]
        # Ratios of other horizons are of other periods: these are compared with each other alone.
        rows += _with_luck(of_horizon, trials=len(subjects))
    return _with_decay(_with_verdicts(rows))


def _rows(
    subject: Subject, blend: Floats, returns: Floats, regimes: Mapping[str, Mask], horizon: Horizon
) -> Iterator[Evidence]:
    signal = subject.signal[:: horizon.step]
    signal = np.where(np.isfinite(signal), signal, np.nan)
    yield _evidence(subject, ALL, signal, blend[:: horizon.step], returns, horizon, None)
    for name, mask in regimes.items():
        if mask.any():
            yield _evidence(subject, name, signal, blend[:: horizon.step], returns, horizon, mask)


def _evidence(
    subject: Subject,
    regime: str,
    signal: Floats,
    blend: Floats,
    returns: Floats,
    horizon: Horizon,
    where: Mask | None,
) -> Evidence:
    every = horizon.overlap
    found = information_coefficient(signal, returns, lags=every if every > 1 else 0, where=where)
    enough = found.n >= MIN_PAIRS
    moved = turnover(signal, every=every, where=where)
    held = (signal * returns)[::every]
    return Evidence(
        kind=subject.kind,
        name=subject.name,
        bot_id=subject.bot_id,
        horizon_s=horizon.seconds,
        regime=regime,
        found=found,
        independent=independent_coefficient(signal, returns, every=every, where=where),
        hits=hit_rate(signal, returns, n_eff=found.n_eff, where=where) if enough else HitRate(n=found.n),
        turnover=moved,
        break_even_bps=break_even_bps(signal, returns, moved=moved, where=where) if enough else None,
        marginal_ic=None if where is not None else _marginal(subject, blend, returns, horizon),
        performance=performance(held if where is None else held[where[::every]]),
        judged=Judged(verdict=Verdict.INSUFFICIENT, needed=needed_observations()),
    )


def _marginal(subject: Subject, blend: Floats, returns: Floats, horizon: Horizon) -> float | None:
    """Coefficient of the default blend less that of the blend without it, over the moments that both have."""
    if subject.without is None or not np.isfinite(subject.signal).any():
        return None
    without = subject.without[:: horizon.step]
    both = np.isfinite(blend) & np.isfinite(without)
    whole = information_coefficient(blend, returns, lags=0, where=both)
    rest = information_coefficient(without, returns, lags=0, where=both)
    return None if whole.ic is None or rest.ic is None else whole.ic - rest.ic


def _with_verdicts(rows: list[Evidence]) -> list[Evidence]:
    """All horizons and regimes of an instrument are looked at together."""
    judged = judge([row.found for row in rows])
    return [replace(row, judged=one) for row, one in zip(rows, judged, strict=True)]


def _with_luck(rows: list[Evidence], *, trials: int) -> list[Evidence]:
    """Sharpe ratios against zero, and against the best that so many trials would reach by luck."""
    spread = {
        regime: float(np.std(found, ddof=1)) if len(found := _sharpes(rows, regime)) > 1 else 0.0
        for regime in {row.regime for row in rows}
    }
    done = []
    for row in rows:
        held = row.performance
        if held.sharpe is not None:
            psr = probabilistic_sharpe(held.sharpe, periods=held.n, skew=held.skew, kurtosis=held.kurtosis)
            dsr = deflated_sharpe(
                held.sharpe,
                trials=trials,
                deviation=spread[row.regime],
                periods=held.n,
                skew=held.skew,
                kurtosis=held.kurtosis,
            )
            row = replace(row, psr=psr, dsr=dsr)
        done.append(row)
    return done


def _sharpes(rows: list[Evidence], regime: str) -> list[float]:
    return [row.performance.sharpe for row in rows if row.regime == regime and row.performance.sharpe is not None]


def _with_decay(rows: list[Evidence]) -> list[Evidence]:
    by_subject: dict[tuple[str, str], list[Evidence]] = {}
    for row in rows:
        by_subject.setdefault((row.name, row.regime), []).append(row)
    lives = {key: _half_life_s(of) for key, of in by_subject.items()}
    return [replace(row, half_life_s=lives[row.name, row.regime]) for row in rows]


def _half_life_s(rows: list[Evidence]) -> float | None:
    """Of what stands out at its best horizon only: noise has no half-life."""
    known = [row for row in rows if row.found.ic is not None]
    best = max(known, key=lambda row: abs(row.found.ic or 0.0), default=None)
    if best is None or best.judged.verdict not in (Verdict.SUPPORTS, Verdict.CONTRADICTS):
        return None
    return half_life_s([row.horizon_s for row in known], [row.found.ic for row in known])
