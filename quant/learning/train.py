"""A training: cross-validated, calibrated on a later block, judged once on a holdout that nothing else has seen.

In time: development, of which the last part calibrates, then the holdout. Between any two parts lie a purge of all labels
that touch both, and an embargo.
"""

from typing import Any

import numpy as np
from msgspec import Struct, structs
from numpy.typing import NDArray

from quant.learning import scores
from quant.learning.artefact import FORMAT, Artefact
from quant.learning.drift import reference_of
from quant.learning.features import FEATURES, SCHEMA_HASH
from quant.learning.fit import Baseline, fit_baseline, fit_temperature, fit_trees, tempered
from quant.learning.judge import refusals
from quant.learning.labels import Action, LabelParams, Labels
from quant.learning.significance import block_p_value
from quant.learning.splits import Split, TooFewRows, combinatorial, known_before, walk_forward
from quant.learning.trades import follow
from quant.learning.watch import Watch

Floats = NDArray[np.float64]
Places = NDArray[np.int64]

HOLDOUT = 0.15
CALIBRATION = 0.2
EMBARGO = 0.01
# A lean pays for itself from cost/barrier on; this much more is asked for, as the edge gate does.
EDGE = 1.5
FOLD_ROWS = 500
FEWEST_FOLDS = 6


class Plan(Struct, frozen=True, kw_only=True):
    """How to train. `trials` counts the models tried for the same scope, this one included."""

    labels: LabelParams
    seed: int = 1
    threads: int = 1
    # As asked for where each has FOLD_ROWS; fewer where there is less to learn from.
    folds: int = 10
    test_folds: int = 2
    forward_splits: int = 5
    trials: int = 1


class Trained(Struct, frozen=True, kw_only=True):
    artefact: Artefact
    metrics: dict[str, Any]
    # Why it should not be promoted, in sentences.
    refusals: list[str]


class _Fitted(Struct, frozen=True, kw_only=True):
    booster: Any
    temperature: float
    prior: Floats
    # Rows that it was calibrated on.
    calibration: Places

    def predict(self, x: Floats) -> Floats:
        return tempered(np.asarray(self.booster.predict(x), dtype=np.float64), self.prior, self.temperature)


class Rows(Struct, frozen=True):
    """x: (labels, features), and their labels, both by time."""

    x: Floats
    labels: Labels

    def part(self, chosen: Places) -> "Rows":
        return Rows(self.x[chosen], self.labels.part(chosen))


def holdout_begins_ns(labels: Labels) -> int:
    """When the first event that nothing is learned from begins."""
    return int(labels.start_ns[_first_held_out(labels)])


def train(x: Floats, labels: Labels, plan: Plan, watch: Watch, *, served: Rows | None = None) -> Trained:
    """x: (labels, features), both by time. Raises Cancelled, and TooFewRows.

    served: rows of the holdout's every bar. A model votes at every bar, also between the events that it learned from:
    the holdout is judged on what it will be asked; on its events alone where this is None.
    """
    embargo_ns = int(EMBARGO * (int(labels.end_ns[-1]) - int(labels.start_ns[0])))
    first = _first_held_out(labels)
    holdout = np.arange(first, len(labels))
    known = known_before(labels.end_ns, int(labels.start_ns[first]) - embargo_ns, stop=first)
    seen, later = Rows(x[known], labels.part(known)), served or Rows(x[holdout], labels.part(holdout))
    theta = _theta(seen.labels, plan.labels)
    metrics: dict[str, Any] = {
        "cross_validation": _cross_validation(seen, plan, embargo_ns, theta, watch),
        "walk_forward": _walk_forward(seen, plan, theta, watch),
        "shuffled_skill": _shuffled(seen, plan, watch),
        "single_features": _single_features(seen),
    }
    watch.say(0.9, "Fitting the model that will be kept")
    fitted = _fit(seen, np.arange(len(seen.labels)), plan, watch)
    baseline = fit_baseline(seen.x, seen.labels.classes, seen.labels.uniqueness)
    watch.say(0.97, "Judging it on the holdout, once")
    p = fitted.predict(later.x)
    metrics["holdout"] = _judged(p, later.labels, fitted.prior, plan, theta)
    metrics["holdout"]["p_value"] = _direction_p(p, later.labels, plan.seed)
    metrics["holdout"]["baseline_skill"] = _skill_of(baseline, later, fitted.prior)
    metrics["temperature"], metrics["theta"] = fitted.temperature, theta
    metrics["classes"] = {action.name.lower(): float(share) for action, share in zip(Action, fitted.prior, strict=True)}
    return Trained(artefact=_artefact(fitted, baseline, seen, theta), metrics=metrics, refusals=refusals(metrics))


def _first_held_out(labels: Labels) -> int:
    return int(len(labels) * (1.0 - HOLDOUT))


def _fit(rows: Rows, train: Places, plan: Plan, watch: Watch) -> _Fitted:
    """Trees of the first part of `train`, temperature of its last, with nothing that touches both."""
    labels = rows.labels
    first = int(len(train) * (1.0 - CALIBRATION))
    calibration = train[first:]
    core = train[known_before(labels.end_ns[train], int(labels.start_ns[calibration[0]]), stop=first)]
    if len(core) < 50 or len(calibration) < 20:
        raise TooFewRows(f"{len(core)} rows to learn from and {len(calibration)} to calibrate on are too few")
    classes, weights = labels.classes, labels.uniqueness
    booster = fit_trees(
        rows.x[core], classes[core], weights[core], seed=plan.seed, threads=plan.threads, check=watch.check
    )
    prior = scores.prior(classes[train], weights[train])
    p = np.asarray(booster.predict(rows.x[calibration]), dtype=np.float64)
    temperature = fit_temperature(p, classes[calibration], weights[calibration], prior)
    return _Fitted(booster=booster, temperature=temperature, prior=prior, calibration=calibration)


def folds_of(rows: int, plan: Plan) -> int:
    """Blocks to cut so many rows into."""
    return min(plan.folds, max(FEWEST_FOLDS, rows // FOLD_ROWS))


def _cross_validation(rows: Rows, plan: Plan, embargo_ns: int, theta: float, watch: Watch) -> dict[str, Any]:
    labels, folds = rows.labels, folds_of(len(rows.labels), plan)
    splits = list(
        combinatorial(labels.start_ns, labels.end_ns, folds=folds, test_folds=plan.test_folds, embargo_ns=embargo_ns)
    )
    skills, sharpes = [], []
    for i, split in enumerate(splits):
        watch.say(0.1 + 0.55 * i / len(splits), f"Cross-validation over {folds} blocks, split {i + 1} of {len(splits)}")
        fitted = _fit(rows, split.train, plan, watch)
        found = _judged(fitted.predict(rows.x[split.test]), labels.part(split.test), fitted.prior, plan, theta)
        skills.append(found["skill"])
        sharpes.append(found["sharpe"])
    known = [sharpe for sharpe in sharpes if sharpe is not None]
    return {
        "folds": folds,
        "splits": len(splits),
        "skill": float(np.mean(skills)),
        "skill_deviation": float(np.std(skills)),
        "skill_positive": float(np.mean([skill > 0.0 for skill in skills])),
        "sharpe_median": float(np.median(known)) if known else None,
    }


def _walk_forward(rows: Rows, plan: Plan, theta: float, watch: Watch) -> dict[str, Any]:
    labels = rows.labels
    splits = list(walk_forward(labels.start_ns, labels.end_ns, splits=plan.forward_splits))
    said, baseline_skills, skills = [], [], []
    for i, split in enumerate(splits):
        watch.say(0.65 + 0.2 * i / len(splits), f"Walking forward, block {i + 1} of {len(splits)}")
        fitted, train, test = _fit(rows, split.train, plan, watch), rows.part(split.train), rows.part(split.test)
        baseline = fit_baseline(train.x, train.labels.classes, train.labels.uniqueness)
        watch.check()
        p = fitted.predict(test.x)
        said.append(p)
        skills.append(scores.skill(p, test.labels.classes, test.labels.uniqueness, fitted.prior))
        baseline_skills.append(_skill_of(baseline, test, fitted.prior))
    tested = labels.part(np.concatenate([split.test for split in splits]))
    found = _judged(np.concatenate(said), tested, scores.prior(tested.classes, tested.uniqueness), plan, theta)
    return found | {"skill": float(np.mean(skills)), "baseline_skill": float(np.mean(baseline_skills))}


def _shuffled(rows: Rows, plan: Plan, watch: Watch) -> float:
    """Skill of a model of shuffled labels on true ones: above chance only where something leaks."""
    watch.say(0.86, "Checking that shuffled labels teach nothing")
    labels = rows.labels
    split: Split = list(walk_forward(labels.start_ns, labels.end_ns, splits=2))[-1]
    mixed = np.random.default_rng(plan.seed).permutation(labels.classes)
    fitted = _fit(Rows(rows.x, structs.replace(labels, classes=mixed)), split.train, plan, watch)
    test = rows.part(split.test)
    return scores.skill(fitted.predict(test.x), test.labels.classes, test.labels.uniqueness, fitted.prior)


def _single_features(rows: Rows) -> dict[str, float]:
    """Areas under the curve of features alone, up against down, where one is above .6: to be looked into."""
    decisive = rows.labels.classes != Action.HOLD
    is_up = rows.labels.classes[decisive] == Action.BUY
    areas = {name: scores.area_under_curve(rows.x[decisive, i], is_up) for i, name in enumerate(FEATURES)}
    return {name: max(area, 1.0 - area) for name, area in areas.items() if max(area, 1.0 - area) > 0.6}


def _judged(p: Floats, labels: Labels, prior: Floats, plan: Plan, theta: float) -> dict[str, Any]:
    classes, weights = labels.classes, labels.uniqueness
    followed = follow(p, labels, theta=theta, cost_bps=plan.labels.cost_bps, trials=plan.trials)
    return {
        "rows": len(labels),
        "log_loss": scores.log_loss(p, classes, weights),
        "skill": scores.skill(p, classes, weights, prior),
        "brier": scores.brier(p, classes, weights),
        "calibration_error": scores.expected_calibration_error(p, classes),
        "matthews": scores.matthews(p, classes),
        "direction": scores.direction(p, classes),
        **structs.asdict(followed),
    }


def _direction_p(p: Floats, labels: Labels, seed: int) -> float:
    """p of so much sense of direction by chance, over blocks as long as labels live.

    Skill alone would not do: how often a barrier is touched at all can be known without knowing which one.
    """
    lean = p[:, Action.BUY] - p[:, Action.SELL]
    happened = labels.classes.astype(np.float64) - float(Action.HOLD)
    weights = labels.uniqueness / labels.uniqueness.mean()
    # Of several instruments, which move together, more rows begin within a label's life than its own ones.
    begun = np.searchsorted(labels.start_ns, labels.end_ns) - np.searchsorted(labels.start_ns, labels.start_ns)
    block = int(np.ceil(2.0 * max(1.0 / labels.uniqueness.mean(), begun.mean())))
    sense = weights * (lean - lean.mean()) * (happened - happened.mean())
    return block_p_value(sense, block=block, rng=np.random.default_rng(seed))


def _skill_of(baseline: Baseline, rows: Rows, prior: Floats) -> float:
    return scores.skill(baseline.predict(rows.x), rows.labels.classes, rows.labels.uniqueness, prior)


def _theta(labels: Labels, params: LabelParams) -> float:
    return float(np.clip(EDGE * params.cost_bps / 1e4 / np.median(labels.barrier), 0.02, 0.9))


def _artefact(fitted: _Fitted, baseline: Baseline, rows: Rows, theta: float) -> Artefact:
    gain = fitted.booster.feature_importance(importance_type="gain").astype(np.float64)
    share = gain / gain.sum() if gain.sum() > 0.0 else gain
    # Of rows that it did not learn from: on those that it did, it is surer than it will ever be again.
    p = fitted.predict(rows.x[fitted.calibration])
    return Artefact(
        format=FORMAT,
        features=list(FEATURES),
        schema_hash=SCHEMA_HASH,
        booster=fitted.booster.model_to_string(),
        temperature=fitted.temperature,
        prior=fitted.prior.tolist(),
        theta=theta,
        baseline=baseline,
        reference={name: reference_of(rows.x[:, i]) for i, name in enumerate(FEATURES)},
        lean=reference_of(p[:, Action.BUY] - p[:, Action.SELL]),
        importance=dict(zip(FEATURES, share.tolist(), strict=True)),
    )
