"""A training finds what is there, and says so where nothing is."""

import subprocess
import sys

import numpy as np
import pytest
from msgspec import structs

from quant.learning.artefact import dump, load
from quant.learning.failures import ArtefactError, TreesUnavailable
from quant.learning.features import FEATURES, SCHEMA_HASH
from quant.learning.labels import Action
from quant.learning.loading import label_params
from quant.learning.scores import decided, votes
from quant.learning.serving import Predictor
from quant.learning.splits import TooFewRows
from quant.learning.trades import trades_of
from quant.learning.train import Plan, Rows, _direction_p, folds_of, train
from quant.learning.watch import Cancelled
from tests.unit.quant.learning.market import COST_BPS, HORIZON, Unwatched, column, examples, history

PLAN = Plan(labels=label_params(HORIZON, COST_BPS), folds=4, test_folds=2, forward_splits=3)


@pytest.fixture(scope="module")
def planted():
    return examples(history(9000, seed=11, planted=0.35))


@pytest.fixture(scope="module")
def trained(planted):
    return train(planted[0], planted[1], PLAN, Unwatched())


def test_a_planted_signal_is_found(trained):
    holdout = trained.metrics["holdout"]
    assert trained.metrics["cross_validation"]["skill"] > 0.02
    assert holdout["skill"] > 0.02
    assert holdout["p_value"] < 0.05
    assert holdout["mean_bps"] > 0.0
    assert trained.artefact.importance["taker_flow"] == max(trained.artefact.importance.values())


def test_a_feature_that_is_too_good_alone_is_named(trained):
    assert trained.metrics["single_features"]["taker_flow"] > 0.6
    assert any("rule out a leak" in sentence for sentence in trained.refusals)


def test_noise_is_refused():
    x, labels = examples(history(9000, seed=12))
    metrics_and_refusals = train(x, labels, PLAN, Unwatched())
    assert abs(metrics_and_refusals.metrics["cross_validation"]["skill"]) < 0.01
    assert metrics_and_refusals.refusals


def test_shuffled_labels_score_at_chance(planted):
    x, labels = planted
    mixed = np.random.default_rng(5).permutation(labels.classes)
    found = train(x, structs.replace(labels, classes=mixed), PLAN, Unwatched()).metrics
    assert found["cross_validation"]["skill"] < 0.005
    assert found["holdout"]["skill"] < 0.005
    assert abs(found["holdout"]["matthews"]) < 0.1


def test_a_leak_is_seen(planted):
    x, labels = planted
    leaking = x.copy()
    leaking[:, column("macd")] = labels.gain_buy
    found = train(leaking, labels, PLAN, Unwatched())
    assert found.metrics["single_features"]["macd"] > 0.99
    assert any("macd 1.00" in sentence for sentence in found.refusals)


def test_the_same_seed_gives_the_same_text(planted, trained):
    assert dump(train(planted[0], planted[1], PLAN, Unwatched()).artefact) == dump(trained.artefact)


def test_the_holdout_is_learned_from_by_nothing(planted, trained):
    """Whatever happens in the last part of the rows, the model is the same."""
    x, labels = planted
    first = int(len(labels) * 0.85)
    changed, classes = x.copy(), labels.classes.copy()
    changed[first:] = 0.0
    classes[first:] = Action.HOLD
    other = train(changed, structs.replace(labels, classes=classes), PLAN, Unwatched())
    assert other.artefact.booster == trained.artefact.booster
    assert other.artefact.temperature == trained.artefact.temperature
    assert other.metrics["cross_validation"] == trained.metrics["cross_validation"]


def test_what_ends_within_the_embargo_before_the_holdout_teaches_nothing(planted, trained):
    x, labels = planted
    first = int(len(labels) * 0.85)
    embargo_ns = int(0.01 * (labels.end_ns[-1] - labels.start_ns[0]))
    near = np.flatnonzero(labels.end_ns[:first] >= labels.start_ns[first] - embargo_ns)
    beyond_overlap = np.flatnonzero(labels.end_ns[:first] >= labels.start_ns[first])
    assert len(near) > len(beyond_overlap) + 20
    changed, classes = x.copy(), labels.classes.copy()
    changed[near] = 0.0
    classes[near] = Action.HOLD
    other = train(changed, structs.replace(labels, classes=classes), PLAN, Unwatched())
    assert dump(other.artefact) == dump(trained.artefact)


def test_the_holdout_is_judged_at_every_bar_where_they_are_given(planted, trained):
    x, labels = planted
    late = np.arange(int(len(labels) * 0.9), len(labels))
    found = train(x, labels, PLAN, Unwatched(), served=Rows(x[late], labels.part(late)))
    assert dump(found.artefact) == dump(trained.artefact)
    assert found.metrics["holdout"]["rows"] == len(late)
    assert found.metrics["holdout"] != trained.metrics["holdout"]


@pytest.mark.parametrize(("rows", "folds"), [(100, 6), (3500, 7), (5000, 10), (90_000, 10)])
def test_fewer_blocks_where_there_is_less_to_learn_from(rows, folds):
    assert folds_of(rows, Plan(labels=PLAN.labels)) == folds
    assert folds_of(rows, PLAN) == 4


def test_a_cancel_between_iterations_ends_it_at_once(planted):
    class Impatient(Unwatched):
        checks = 0

        def check(self):
            self.checks += 1
            if self.checks == 10:
                raise Cancelled

    watch = Impatient()
    with pytest.raises(Cancelled):
        train(planted[0], planted[1], PLAN, watch)
    assert watch.checks == 10


def test_progress_only_grows_and_says_what_it_does(planted):
    class Listener(Unwatched):
        def __init__(self):
            self.said = []

        def say(self, share, words):
            self.said.append((share, words))

    watch = Listener()
    train(planted[0], planted[1], PLAN, watch)
    shares = [share for share, _ in watch.said]
    assert shares == sorted(shares)
    assert 0.0 < shares[0] < shares[-1] < 1.0
    assert "Cross-validation over 4 blocks, split 6 of 6" in [words for _, words in watch.said]


def test_too_few_rows_are_refused(planted):
    x, labels = planted
    few = np.arange(60)
    with pytest.raises(TooFewRows):
        train(x[few], labels.part(few), PLAN, Unwatched())


def test_a_stored_model_says_what_the_fitted_one_said(planted, trained):
    text, digest = dump(trained.artefact)
    predictor = Predictor(load(text, expected_sha256=digest, schema_hash=SCHEMA_HASH, name="m"))
    p = predictor.predict_many(planted[0][:50])
    np.testing.assert_allclose(p.sum(axis=1), 1.0)
    one = predictor.predict(planted[0][7])
    assert [one.p_sell, one.p_hold, one.p_buy] == pytest.approx(p[7].tolist(), rel=1e-12)
    reading = predictor.reading(one, 123)
    assert reading.value == one.value
    assert reading.as_of == 123
    assert reading.parts == {
        "p_sell": one.p_sell,
        "p_hold": one.p_hold,
        "p_buy": one.p_buy,
        "action": float(one.action - Action.HOLD),
        "confidence": one.confidence,
    }


def test_the_action_goes_by_the_threshold_and_says_its_own_confidence(trained):
    sure = structs.replace(trained.artefact, theta=0.0)
    unsure = structs.replace(trained.artefact, theta=0.99)
    row = np.zeros(len(FEATURES))
    row[column("taker_flow")] = 0.9
    leaning, holding = Predictor(sure).predict(row), Predictor(unsure).predict(row)
    assert leaning.action is Action.BUY
    assert leaning.confidence == leaning.p_buy
    assert holding.action is Action.HOLD
    assert holding.confidence == holding.p_hold


def test_what_is_judged_is_what_is_served(planted, trained):
    """The same rows: trades are followed exactly where the vote is not 0, and in its direction."""
    x, labels = planted
    predictor = Predictor(trained.artefact)
    served = [predictor.predict(row) for row in x[-200:]]
    p, theta = predictor.predict_many(x[-200:]), trained.artefact.theta
    assert {one.action for one in served} == set(Action)
    assert decided(p, theta).tolist() == [one.action for one in served]
    values = [predictor.reading(one, 1).value for one in served]
    assert np.sign(values).tolist() == [one.action - Action.HOLD for one in served]
    assert votes(p, theta).tolist() == pytest.approx(values)
    entered = trades_of(p, labels.part(np.arange(len(labels) - 200, len(labels))), theta=theta, cost_bps=0.0)[0]
    assert set(entered) <= {
        int(begin) for begin, value in zip(labels.start_ns[-200:], values, strict=True) if value != 0.0
    }
    assert len(entered)


def test_a_row_of_nothing_but_missing_values_still_has_an_answer(trained):
    said = Predictor(trained.artefact).predict(np.full(len(FEATURES), np.nan))
    assert 0.0 < said.p_hold < 1.0


def test_a_row_of_another_length_is_refused(trained):
    with pytest.raises(ValueError, match="a row of"):
        Predictor(trained.artefact).predict([0.0])


def test_a_changed_artefact_is_refused(trained):
    text, digest = dump(trained.artefact)
    with pytest.raises(ArtefactError, match="m was changed after it was registered"):
        load(text.replace("temperature", "Temperature"), expected_sha256=digest, schema_hash=SCHEMA_HASH, name="m")


def test_an_artefact_of_other_features_is_refused(trained):
    text, digest = dump(structs.replace(trained.artefact, schema_hash="0" * 64))
    with pytest.raises(ArtefactError, match="learned from features 000000000000"):
        load(text, expected_sha256=digest, schema_hash=SCHEMA_HASH, name="m")


@pytest.mark.parametrize("text", ["", "{}", '{"format": 1}', "null", '{"format": "x"}'])
def test_what_is_no_artefact_is_refused(text):
    from quant.learning.artefact import sha256

    with pytest.raises(ArtefactError, match="m cannot be read"):
        load(text, expected_sha256=sha256(text), schema_hash=SCHEMA_HASH, name="m")


def test_trees_that_are_none_are_refused(trained):
    with pytest.raises(ArtefactError):
        Predictor(structs.replace(trained.artefact, booster="tree\nversion=v4\nnonsense"), name="m")


def test_trees_of_other_features_are_refused(trained):
    with pytest.raises(ArtefactError, match="names 2"):
        Predictor(structs.replace(trained.artefact, features=["a", "b"]), name="m")


def test_a_machine_without_lightgbm_says_what_is_missing(trained, monkeypatch):
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    with pytest.raises(TreesUnavailable, match="apt-get install libgomp1"):
        Predictor(trained.artefact)


def test_serving_imports_no_lightgbm_until_a_model_speaks():
    code = "import sys, quant.learning.serving, quant.learning.features; sys.exit('lightgbm' in sys.modules or 'sklearn' in sys.modules)"
    assert subprocess.run((sys.executable, "-c", code), timeout=60).returncode == 0


def test_rows_of_instruments_that_move_together_are_no_more_evidence_than_those_of_one():
    rng = np.random.default_rng(3)
    _, labels = examples(history(9000, seed=12))
    apart = np.arange(0, len(labels), 3 * HORIZON)
    labels = structs.replace(labels.part(apart), uniqueness=np.ones(len(apart)))
    lean = 0.05 * (labels.classes - 1.0) + rng.normal(0.0, 0.2, len(labels))
    p = np.column_stack((0.5 - lean / 2.0, np.zeros(len(labels)), 0.5 + lean / 2.0))
    alone = _direction_p(p, labels, 1)
    same = np.repeat(np.arange(len(labels)), 20)
    assert 0.02 < alone < 0.5
    assert _direction_p(p[same], labels.part(same), 1) > 0.5 * alone
