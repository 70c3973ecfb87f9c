"""A contextual bandit by Thompson sampling: which arm, given what is seen, has the higher reward.

Each arm is a Bayesian linear regression with unknown noise (normal-inverse-gamma prior): a draw of its coefficients says
what it might be worth, the arm whose draw is highest is chosen, and what little is known is tried the more often.
Pure: chance is an argument, the state is plain data. Source: Agrawal & Goyal (2013); Riquelme, Tucker & Snoek (2018).
"""

import math
from collections.abc import Mapping

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Prior: coefficients around 0 with the noise's own deviation, noise of about 5 units.
PRIOR_PRECISION = 1.0
PRIOR_SHAPE = 2.0
PRIOR_SCALE = 25.0


class ArmState(Struct, frozen=True, kw_only=True):
    """What an arm has seen: Σxx' as rows, Σxr, Σr² and how often."""

    xx: tuple[tuple[float, ...], ...]
    xr: tuple[float, ...]
    rr: float
    n: int


class BanditState(Struct, frozen=True, kw_only=True):
    """All arms, by name; JSON."""

    features: int
    arms: dict[str, ArmState]

    @property
    def updates(self) -> int:
        return sum(arm.n for arm in self.arms.values())


class Estimate(Struct, frozen=True, kw_only=True):
    """The expected reward of an arm, how uncertain that mean is, and how many rewards it comes from."""

    mean: float
    deviation: float
    n: int


class Choice(Struct, frozen=True, kw_only=True):
    """The arm drawn highest, and what each was estimated to be worth."""

    arm: str
    estimates: dict[str, Estimate]


def fresh(arms: tuple[str, ...], features: int) -> BanditState:
    """Knows nothing. Raises ValueError for fewer than two arms or no feature."""
    if len(arms) < 2 or features < 1:
        raise ValueError(f"{len(arms)} arms and {features} features: at least 2 and 1 are needed")
    zero = tuple(0.0 for _ in range(features))
    return BanditState(
        features=features,
        arms={arm: ArmState(xx=tuple(zero for _ in range(features)), xr=zero, rr=0.0, n=0) for arm in arms},
    )


def choose(state: BanditState, context: Floats, rng: np.random.Generator) -> Choice:
    """Choose an arm for a context, (features,). Raises ValueError when it does not fit."""
    x = _checked(state, context)
    draws, estimates = {}, {}
    for name, arm in state.arms.items():
        mean, covariance, shape, scale = posterior(arm, state.features)
        noise = scale / rng.gamma(shape)
        spread = float(x @ covariance @ x)
        draws[name] = float(mean @ x) + math.sqrt(noise * spread) * float(rng.standard_normal())
        deviation = math.sqrt(scale / (shape - 1.0) * spread)
        estimates[name] = Estimate(mean=float(mean @ x), deviation=deviation, n=arm.n)
    return Choice(arm=max(draws, key=draws.__getitem__), estimates=estimates)


def update(state: BanditState, context: Floats, arm: str, reward: float) -> BanditState:
    """The state after one more reward. Raises ValueError for a reward that is not finite, KeyError for another arm."""
    x = _checked(state, context)
    if not math.isfinite(reward):
        raise ValueError(f"reward {reward} is not finite")
    old = state.arms[arm]
    new = ArmState(
        xx=tuple(tuple(row) for row in (np.array(old.xx) + np.outer(x, x)).tolist()),
        xr=tuple((np.array(old.xr) + reward * x).tolist()),
        rr=old.rr + reward * reward,
        n=old.n + 1,
    )
    return BanditState(features=state.features, arms=state.arms | {arm: new})


def posterior(arm: ArmState, features: int) -> tuple[Floats, Floats, float, float]:
    """(mean of the coefficients, their covariance in units of the noise, shape and scale of the noise's variance)."""
    covariance = np.asarray(np.linalg.inv(np.array(arm.xx) + PRIOR_PRECISION * np.eye(features)), dtype=np.float64)
    xr = np.array(arm.xr)
    mean = covariance @ xr
    unexplained = max(0.0, arm.rr - float(mean @ xr))
    return mean, covariance, PRIOR_SHAPE + arm.n / 2.0, PRIOR_SCALE + unexplained / 2.0


def values(estimates: Mapping[str, Estimate]) -> dict[str, dict[str, float]]:
    """Estimates as JSON, rounded to what they are worth."""
    return {
        name: {"mean": round(one.mean, 4), "deviation": round(one.deviation, 4), "n": one.n}
        for name, one in estimates.items()
    }


def _checked(state: BanditState, context: Floats) -> Floats:
    if context.shape != (state.features,) or not np.isfinite(context).all():
        raise ValueError(f"context {context.tolist()} is not {state.features} finite numbers")
    return context
