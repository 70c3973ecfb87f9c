"""Scores against independent libraries."""

import numpy as np
import pytest
from sklearn import metrics
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression

from quant.learning import scores
from quant.learning.artefact import FORMAT, Artefact
from quant.learning.drift import drift_of, psi, reference_of
from quant.learning.fit import Baseline, fit_baseline, fit_temperature, softmax, tempered
from quant.learning.labels import Action, Labels
from quant.learning.significance import block_p_value
from quant.learning.trades import follow, net_gains


@pytest.fixture
def said():
    rng = np.random.default_rng(3)
    classes = rng.integers(0, 3, 400).astype(np.int8)
    margins = rng.normal(0, 1, (400, 3))
    margins[np.arange(400), classes] += 0.7
    return softmax(margins), classes, rng.uniform(0.1, 1.0, 400)


def test_scores_are_those_of_scikit_learn(said):
    p, classes, weights = said
    assert scores.log_loss(p, classes, weights) == pytest.approx(
        metrics.log_loss(classes, p, sample_weight=weights), rel=1e-12
    )
    assert scores.matthews(p, classes) == pytest.approx(metrics.matthews_corrcoef(classes, p.argmax(axis=1)))
    up = classes == Action.BUY
    assert scores.area_under_curve(p[:, 2], up) == pytest.approx(metrics.roc_auc_score(up, p[:, 2]))
    assert scores.brier(p, classes, np.ones(400)) == pytest.approx(
        sum(metrics.brier_score_loss(classes == k, p[:, k]) for k in range(3))
    )


def test_directions_are_balanced_over_ups_and_downs(said):
    p, classes, _ = said
    decisive = classes != Action.HOLD
    said_up = p[decisive, Action.BUY] > p[decisive, Action.SELL]
    assert scores.direction(p, classes) == pytest.approx(
        metrics.balanced_accuracy_score(classes[decisive] == Action.BUY, said_up)
    )
    always_up = np.tile([0.1, 0.2, 0.7], (400, 1))
    assert scores.direction(always_up, classes) == 0.5
    assert scores.direction(p, np.full(400, Action.BUY, dtype=np.int8)) is None


def test_skill_of_saying_the_shares_is_nothing(said):
    _, classes, weights = said
    base = scores.prior(classes, weights)
    assert scores.skill(np.tile(base, (400, 1)), classes, weights, base) == pytest.approx(0.0)


def test_a_model_that_is_as_sure_as_it_is_right_has_no_calibration_error():
    p = np.tile([0.1, 0.2, 0.7], (10, 1))
    classes = np.array([2] * 7 + [1] * 2 + [0], dtype=np.int8)
    assert scores.expected_calibration_error(p, classes) == pytest.approx(0.0)
    assert scores.expected_calibration_error(p, np.zeros(10, dtype=np.int8)) == pytest.approx(0.7)


def test_a_missing_feature_is_no_evidence():
    assert scores.area_under_curve(np.full(5, np.nan), np.array([True, False, True, True, False])) == 0.5


def test_the_temperature_is_that_of_scikit_learn_where_the_classes_are_equal():
    rng = np.random.default_rng(5)
    classes = np.repeat([0, 1, 2], 300)
    x = rng.normal(0, 1, (900, 4))
    x[:, 0] += classes
    model = LogisticRegression(C=1e6).fit(x[::3], classes[::3])
    overconfident = LogisticRegression(C=1e6)
    overconfident.__dict__ |= model.__dict__
    overconfident.coef_, overconfident.intercept_ = model.coef_ * 3.0, model.intercept_ * 3.0
    theirs = CalibratedClassifierCV(FrozenEstimator(overconfident), method="temperature").fit(x, classes)
    p = overconfident.predict_proba(x)
    prior = np.full(3, 1 / 3)
    ours = fit_temperature(p, classes.astype(np.int8), np.ones(900), prior)
    np.testing.assert_allclose(tempered(p, prior, ours), theirs.predict_proba(x), atol=2e-3)


def test_a_temperature_without_end_leaves_the_shares():
    prior = np.array([0.2, 0.5, 0.3])
    np.testing.assert_allclose(tempered(np.array([[0.9, 0.05, 0.05]]), prior, 1e9), [prior], atol=1e-6)


def test_the_baseline_is_scikit_learns_regression():
    rng = np.random.default_rng(1)
    x, classes = rng.normal(3, 2, (500, 5)), rng.integers(0, 3, 500).astype(np.int8)
    x[:, 0] += classes
    standard = (x - x.mean(axis=0)) / x.std(axis=0)
    theirs = LogisticRegression(C=0.1, max_iter=300, tol=1e-3).fit(standard, classes).predict_proba(standard)
    np.testing.assert_allclose(fit_baseline(x, classes, np.ones(500)).predict(x), theirs, atol=1e-9)


def test_the_baseline_takes_missing_and_constant_features_and_two_classes():
    rng = np.random.default_rng(1)
    x, classes = rng.normal(0, 1, (300, 3)), rng.choice([0, 2], 300).astype(np.int8)
    x[:, 1], x[::4, 2] = np.nan, np.nan
    x[:, 0] += classes
    p = fit_baseline(x, classes, np.ones(300)).predict(x)
    assert np.isfinite(p).all()
    assert p[:, 1].max() < 1e-6
    assert scores.area_under_curve(p[:, 2], classes == 2) > 0.8


def test_psi_of_the_same_is_nothing_and_of_another_is_much():
    rng = np.random.default_rng(2)
    then = rng.normal(0, 1, 5000)
    reference = reference_of(then)
    assert psi(reference, then) == pytest.approx(0.0, abs=1e-3)
    assert psi(reference, rng.normal(0, 1, 5000)) < 0.05
    assert psi(reference, rng.normal(1, 1, 5000)) > 0.5
    assert psi(reference, np.full(100, np.nan)) > 1.0
    assert psi(reference_of(np.full(50, np.nan)), np.full(10, np.nan)) == pytest.approx(0.0, abs=1e-9)


def test_psi_by_hand():
    # Nine edges: a tenth in each bin; all of it now in the first: .9·ln 10 and nine times (0-.1)·ln(.0001/.1).
    reference = reference_of(np.arange(1000.0))
    assert psi(reference, np.zeros(10)) == pytest.approx(0.9 * np.log(10) + 9 * -0.0999 * np.log(1e-4 / 0.1), rel=1e-3)


def test_the_block_bootstrap_says_chance_of_noise_and_finds_what_is_there():
    rng = np.random.default_rng(4)
    noise = [block_p_value(rng.normal(0, 1, 300), block=5, rng=rng, draws=400) for _ in range(200)]
    assert 0.02 <= np.mean(np.array(noise) < 0.1) <= 0.18
    assert block_p_value(rng.normal(0.5, 1, 300), block=5, rng=rng) < 0.01
    assert block_p_value(np.ones(12), block=6, rng=rng) == 1.0


def test_blocks_know_that_neighbours_are_one_observation():
    rng = np.random.default_rng(4)
    runs = np.repeat(rng.normal(0.15, 1, 60), 20)
    alone = block_p_value(runs, block=1, rng=np.random.default_rng(1))
    together = block_p_value(runs, block=40, rng=np.random.default_rng(1))
    assert together > 5 * alone


def labels_with(gains, *, life=1):
    n = len(gains)
    start = np.arange(n, dtype=np.int64) * 3600 * 10**9
    gains = np.array(gains)
    return Labels(
        rows=np.arange(n),
        start_ns=start,
        end_ns=start + life * 3600 * 10**9,
        classes=np.zeros(n, dtype=np.int8),
        gain_buy=gains,
        gain_sell=-gains,
        barrier=np.full(n, 0.01),
        uniqueness=np.ones(n),
    )


def test_following_takes_costs_and_one_position_at_a_time():
    p = np.array([[0.1, 0.1, 0.8], [0.8, 0.1, 0.1], [0.3, 0.4, 0.3], [0.1, 0.1, 0.8]])
    gains = net_gains(p, labels_with([0.01, 0.02, 0.5, -0.01]), theta=0.2, cost_bps=10)
    assert gains.tolist() == pytest.approx([0.009, -0.021, -0.011])
    held = net_gains(p, labels_with([0.01, 0.02, 0.5, -0.01], life=3), theta=0.2, cost_bps=10)
    assert held.tolist() == pytest.approx([0.009, -0.011])


def test_more_trials_deflate_more():
    rng = np.random.default_rng(1)
    labels = labels_with(rng.normal(0.001, 0.01, 200))
    p = np.tile([0.0, 0.0, 1.0], (200, 1))
    once, often = (follow(p, labels, theta=0.1, cost_bps=0, trials=n) for n in (1, 50))
    assert often.deflated < once.deflated
    assert once.sharpe == often.sharpe
    assert follow(p[:1], labels.part(np.array([0])), theta=0.1, cost_bps=0, trials=1).sharpe is None


def test_the_deflated_ratio_is_that_of_skfolio_with_one_trial():
    from skfolio.measures import probabilistic_sharpe_ratio

    rng = np.random.default_rng(7)
    gains = rng.normal(0.0008, 0.01, 300)
    labels = labels_with(gains)
    found = follow(np.tile([0.0, 0.0, 1.0], (300, 1)), labels, theta=0.1, cost_bps=0, trials=1)
    assert found.deflated == pytest.approx(probabilistic_sharpe_ratio(gains), abs=2e-3)


@pytest.mark.parametrize(("share", "is_shifted"), [(0.03, True), (0.01, False)])
def test_one_feature_that_moved_far_counts_where_it_matters(share, is_shifted):
    rng = np.random.default_rng(8)
    x = rng.normal(size=(4000, 3))
    artefact = Artefact(
        format=FORMAT, features=["a", "b", "c"], schema_hash="", booster="", temperature=1.0, prior=[1 / 3] * 3, theta=0.1,
        baseline=Baseline(mean=[], deviation=[], coefficients=[], intercepts=[]),
        reference={name: reference_of(x[:, i]) for i, name in enumerate("abc")}, lean=reference_of(x[:, 0]),
        importance={"a": 1.0 - share, "b": share, "c": 0.0},
    )  # fmt: skip
    later = rng.normal(size=(4000, 3)) + np.array([0.0, 1.0, 5.0])
    found = drift_of(artefact, later, rng.normal(size=4000))
    assert found.value < 0.1
    assert found.is_shifted is is_shifted
    assert not drift_of(artefact, x, x[:, 0]).is_shifted
    gone = drift_of(artefact, np.column_stack((x[:, 0], np.full(4000, np.nan), x[:, 2])), x[:, 0])
    assert gone.is_shifted is is_shifted


def test_a_feature_that_moves_slowly_is_not_shifted_by_a_few_hours_of_one_side():
    rng = np.random.default_rng(9)
    sums = np.convolve(rng.normal(size=60_288), np.ones(288), "valid")[:, None]
    artefact = Artefact(
        format=FORMAT, features=["slow"], schema_hash="", booster="", temperature=1.0, prior=[1 / 3] * 3, theta=0.1,
        baseline=Baseline(mean=[], deviation=[], coefficients=[], intercepts=[]),
        reference={"slow": reference_of(sums[:50_000, 0])}, lean=reference_of(sums[:, 0]), importance={"slow": 1.0},
    )  # fmt: skip
    late = sums[50_000:50_800]
    found = drift_of(artefact, late, late[:, 0])
    assert found.features > 0.25
    assert found.single < 0.25
