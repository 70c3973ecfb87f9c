"""Fits: LightGBM's trees with a temperature, and the logistic regression that they must beat.

x is (rows, features) with NaN where a feature is missing, `classes` (rows,) of `Action`, `weights` (rows,) above 0.
"""

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from quant.learning.failures import TreesUnavailable
from quant.learning.scores import log_loss

Floats = NDArray[np.float64]
Classes = NDArray[np.int8]

ITERATIONS = 100
MAX_TEMPERATURE = 100.0
_PARAMS: dict[str, Any] = {
    "objective": "multiclass",
    "num_class": 3,
    "learning_rate": 0.05,
    "num_leaves": 8,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 10.0,
    "max_bin": 63,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}


class Baseline(Struct, frozen=True, kw_only=True):
    """A logistic regression on standardised features, missing ones at their mean. coefficients: (3, features)."""

    mean: list[float]
    deviation: list[float]
    coefficients: list[list[float]]
    intercepts: list[float]

    def predict(self, x: Floats) -> Floats:
        standard = _standardised(x, np.array(self.mean), np.array(self.deviation))
        return softmax(standard @ np.array(self.coefficients).T + np.array(self.intercepts))


def lightgbm_module() -> Any:
    """LightGBM, imported where it is needed: it takes a second. Raises TreesUnavailable, saying what is missing."""
    try:
        return importlib.import_module("lightgbm")
    except (ImportError, OSError) as error:
        raise TreesUnavailable(
            f"LightGBM cannot be loaded on this machine: {error}. It needs its package (requirements.txt) and the system "
            "library libgomp (`apt-get install libgomp1`)."
        ) from None


def fit_trees(
    x: Floats, classes: Classes, weights: Floats, *, seed: int, threads: int, check: Callable[[], None]
) -> Any:
    """A `lightgbm.Booster`. `check` is called before every iteration and may raise."""
    lightgbm = lightgbm_module()
    params = _PARAMS | {"seed": seed, "num_threads": threads, "min_data_in_leaf": max(20, len(x) // 50)}

    def between(_: object) -> None:
        check()

    setattr(between, "before_iteration", True)  # noqa: B010  # LightGBM tells callbacks apart by it
    data = lightgbm.Dataset(x, label=classes, weight=weights, free_raw_data=True)
    return lightgbm.train(params, data, num_boost_round=ITERATIONS, callbacks=[between])


def tempered(p: Floats, prior: Floats, temperature: float) -> Floats:
    """Probabilities drawn towards the shares of the classes: prior·(p/prior)^(1/T), normed.

    Where the shares are equal this is the temperature that divides margins; a model that knows nothing ends at the
    shares and not at a third each.
    """
    log_prior = np.log(prior)
    return softmax(log_prior + (np.log(np.maximum(p, 1e-12)) - log_prior) / temperature)


def fit_temperature(p: Floats, classes: Classes, weights: Floats, prior: Floats) -> float:
    """The temperature in [.5, 100] with the least log loss on rows that were not learned from."""
    from scipy.optimize import minimize_scalar

    found = minimize_scalar(
        lambda log_t: log_loss(tempered(p, prior, float(np.exp(log_t))), classes, weights),
        bounds=(np.log(0.5), np.log(MAX_TEMPERATURE)),
        method="bounded",
        options={"xatol": 1e-4},
    )
    return float(np.exp(found.x))


def fit_baseline(x: Floats, classes: Classes, weights: Floats) -> Baseline:
    from sklearn.linear_model import LogisticRegression

    there = np.isfinite(x)
    count = np.maximum(there.sum(axis=0), 1)
    mean = np.where(there, x, 0.0).sum(axis=0) / count
    spread = np.sqrt((np.where(there, x - mean, 0.0) ** 2).sum(axis=0) / count)
    deviation = np.where(spread > 0.0, spread, 1.0)
    model = LogisticRegression(C=0.1, max_iter=300, tol=1e-3)
    model.fit(_standardised(x, mean, deviation), classes, sample_weight=weights)
    coefficients, intercepts = np.zeros((3, x.shape[1])), np.full(3, -30.0)
    if len(model.classes_) == 2:
        # Two classes have one row of coefficients, of the second against the first.
        coefficients[model.classes_[1]], intercepts[model.classes_] = model.coef_[0], (0.0, model.intercept_[0])
    else:
        coefficients[model.classes_], intercepts[model.classes_] = model.coef_, model.intercept_
    return Baseline(
        mean=mean.tolist(),
        deviation=deviation.tolist(),
        coefficients=coefficients.tolist(),
        intercepts=intercepts.tolist(),
    )


def softmax(margins: Floats) -> Floats:
    grown = np.exp(margins - margins.max(axis=-1, keepdims=True))
    return np.asarray(grown / grown.sum(axis=-1, keepdims=True), dtype=np.float64)


def _standardised(x: Floats, mean: Floats, deviation: Floats) -> Floats:
    standard = (x - mean) / deviation
    return np.clip(np.where(np.isfinite(standard), standard, 0.0), -10.0, 10.0)
