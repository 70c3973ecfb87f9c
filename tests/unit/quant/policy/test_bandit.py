"""The bandit finds the better arm where there is one, and loses nothing where there is none."""

import json
import math

import msgspec
import numpy as np
import pytest

from quant.policy import bandit
from quant.policy.bandit import BanditState

ARMS = ("maker", "taker")


def play(reward_of, *, rounds: int, seed: int, features: int = 2, state: BanditState | None = None):
    """Chosen arms and contexts; the reward of the chosen arm is learned from."""
    rng = np.random.default_rng(seed)
    state = state or bandit.fresh(ARMS, features)
    rows = []
    for _ in range(rounds):
        x = np.concatenate(([1.0], rng.uniform(-1, 1, features - 1)))
        choice = bandit.choose(state, x, rng)
        reward = reward_of(choice.arm, x, rng)
        state = bandit.update(state, x, choice.arm, reward)
        rows.append((choice.arm, x, reward))
    return state, rows


@pytest.mark.parametrize("seed", range(5))
def test_it_converges_to_the_better_arm(seed):
    _, rows = play(lambda arm, x, rng: (3.0 if arm == "maker" else 0.0) + rng.normal(0, 5), rounds=600, seed=seed)
    assert sum(arm == "maker" for arm, _, _ in rows[300:]) > 270


@pytest.mark.parametrize("seed", range(5))
def test_it_learns_when_which_arm_is_better(seed):
    """A taker is better exactly where the second feature is above zero."""
    _, rows = play(
        lambda arm, x, rng: (6.0 * x[1] if arm == "taker" else -6.0 * x[1]) + rng.normal(0, 5), rounds=800, seed=seed
    )
    late = [(arm, x[1]) for arm, x, _ in rows[400:] if abs(x[1]) > 0.2]
    assert sum((arm == "taker") == (drift > 0) for arm, drift in late) > 0.95 * len(late)


def test_on_noise_it_does_no_worse_than_chance():
    means = [
        np.mean([reward for _, _, reward in play(lambda arm, x, rng: rng.normal(0, 5), rounds=300, seed=seed)[1]])
        for seed in range(20)
    ]
    assert abs(np.mean(means)) < 4 * 5 / math.sqrt(20 * 300)


def test_on_noise_both_arms_go_on_being_tried():
    _, rows = play(lambda arm, x, rng: rng.normal(0, 5), rounds=400, seed=3)
    share = sum(arm == "maker" for arm, _, _ in rows) / len(rows)
    assert 0.1 < share < 0.9


def test_the_same_chance_makes_the_same_choice():
    state, _ = play(lambda arm, x, rng: rng.normal(), rounds=50, seed=1)
    x = np.array([1.0, 0.5])
    choices = [bandit.choose(state, x, np.random.default_rng(7)) for _ in range(3)]
    assert choices[0] == choices[1] == choices[2]


def test_state_survives_being_written_as_json():
    state, _ = play(lambda arm, x, rng: rng.normal(), rounds=50, seed=1)
    again = msgspec.convert(json.loads(json.dumps(msgspec.to_builtins(state))), BanditState)
    assert again == state
    rest = [play(lambda arm, x, rng: rng.normal(), rounds=20, seed=2, state=one)[0] for one in (state, again)]
    assert rest[0] == rest[1]
    assert state.updates == 50


def test_estimates_are_those_of_the_regression():
    """With many observations the prior counts for little: the means are those of least squares."""
    state, rows = play(lambda arm, x, rng: 2.0 + 3.0 * x[1] + rng.normal(0, 1), rounds=2000, seed=4)
    for name in ARMS:
        mine = [(x, reward) for arm, x, reward in rows if arm == name]
        table, rewards = np.array([x for x, _ in mine]), np.array([reward for _, reward in mine])
        exact = np.linalg.lstsq(table, rewards, rcond=None)[0]
        estimate = bandit.choose(state, np.array([1.0, 0.5]), np.random.default_rng(1)).estimates[name]
        assert estimate.n == len(mine)
        assert estimate.mean == pytest.approx(exact[0] + 0.5 * exact[1], abs=0.05)


def test_certainty_grows():
    x = np.array([1.0, 0.0])
    few, _ = play(lambda arm, x, rng: rng.normal(0, 5), rounds=20, seed=5)
    many, _ = play(lambda arm, x, rng: rng.normal(0, 5), rounds=2000, seed=5)
    for name in ARMS:
        narrow, wide = (bandit.choose(state, x, np.random.default_rng(1)).estimates[name] for state in (many, few))
        assert narrow.deviation < wide.deviation


def test_nonsense_is_refused():
    state = bandit.fresh(ARMS, 2)
    for context in (np.array([1.0]), np.array([1.0, math.nan])):
        with pytest.raises(ValueError, match="2 finite numbers"):
            bandit.choose(state, context, np.random.default_rng(1))
    with pytest.raises(ValueError, match="not finite"):
        bandit.update(state, np.ones(2), "maker", math.inf)
    with pytest.raises(KeyError):
        bandit.update(state, np.ones(2), "neither", 1.0)
    with pytest.raises(ValueError, match="at least"):
        bandit.fresh(("maker",), 2)
