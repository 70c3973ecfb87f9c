"""A window into rows: which subjects there are, what the price did later, and blends by other weights."""

from dataclasses import replace

import numpy as np
import pytest

from quant.blend import blend, weight_row
from quant.evidence.blending import BlendSpec, blend_of, column_of, default_weights, weights_of
from quant.evidence.grid import HORIZONS_S, Window, forward_returns, horizon_of
from quant.evidence.judging import Kind, subjects_of, weigh
from quant.evidence.sharpe import deflated_sharpe
from quant.reading import Component
from quant.vector import Column
from tests.unit.quant.evidence.cast import COLUMNS, vector

NAN = float("nan")
NAMES = ("technical 1m", "technical 1m forming", "technical 5m", "speed", "sentiment", "model")


def window(minutes: int = 600, *, seed: int = 1, **columns: np.ndarray) -> Window:
    rng = np.random.default_rng(seed)
    mid = 100.0 * np.exp(np.cumsum(rng.normal(0, 1e-3, minutes)))
    values = {name: np.clip(rng.normal(0, 0.4, minutes), -1, 1) for name in NAMES} | columns
    return Window(
        start_ns=0, end_ns=minutes * 60_000_000_000, mid=mid, close=mid, combined=np.full(minutes, NAN), values=values,
        qualities={name: np.ones(minutes) for name in values}, regimes={"trend": np.arange(minutes) % 2 == 0},
    )  # fmt: skip


def test_returns_begin_at_the_middle_and_end_at_the_middle_or_the_close():
    mid = np.array([100.0, NAN, 102.0, NAN, 104.0])
    close = np.array([90.0, 101.0, 90.0, NAN, 90.0])
    found = forward_returns(mid, close, 1)
    assert found[0] == pytest.approx(np.log(101 / 100))
    assert np.isnan(found[1])  # no middle now
    assert np.isnan(found[2])  # nothing known of the price later
    assert np.isnan(found[4])  # the future has not happened
    assert forward_returns(mid, close, 4)[0] == pytest.approx(np.log(104 / 100))
    assert np.isnan(forward_returns(mid, close, 9)).all()
    assert np.isnan(forward_returns(np.array([0.0, 1.0]), close[:2], 1)[0])


def test_the_future_of_a_truncated_window_is_unknown_and_the_rest_is_the_same():
    whole = window(500)
    for minutes in (1, 5, 60):
        cut = forward_returns(whole.mid[:300], whole.close[:300], minutes)
        assert np.isnan(cut[300 - minutes :]).all()
        expected = forward_returns(whole.mid, whole.close, minutes)[: 300 - minutes]
        assert cut[: 300 - minutes].tolist() == expected.tolist()


@pytest.mark.parametrize("seconds", [0, 59, 90, -60])
def test_horizons_are_whole_minutes(seconds):
    with pytest.raises(ValueError, match="whole minutes"):
        horizon_of(seconds)


def test_a_horizon_is_looked_at_a_few_times_and_never_across_its_end():
    for seconds in HORIZONS_S:
        horizon = horizon_of(seconds)
        assert horizon.overlap * horizon.step >= horizon.minutes
        assert horizon.overlap <= 12


def test_names_of_columns_are_read_back():
    less = Column(component=Component.TECHNICAL, timeframe="5m", forming=True, without=("momentum", "smart_money"))
    for column in (*COLUMNS, less):
        assert column_of(column.name) == column
    for unknown in ("astrology", "technical 7m", "technical 1m backwards", ""):
        assert column_of(unknown) is None


def test_a_blend_over_a_window_is_the_blend_of_each_minute():
    found = vector()
    values = {column.name: np.array([value]) for column, value in zip(COLUMNS, found.values, strict=True)}
    qualities = {column.name: np.array([share]) for column, share in zip(COLUMNS, found.quality, strict=True)}
    one = Window(
        start_ns=0, end_ns=1, mid=np.array([1.0]), close=np.array([1.0]), combined=np.array([NAN]), values=values,
        qualities=qualities, regimes={},
    )  # fmt: skip
    for forming in (False, True):
        spec = BlendSpec(bot_id=1, exchange="x", symbol="y", timeframe_weights={"1m": 1.0}, forming=forming)
        row = weight_row(COLUMNS, timeframe_weights={"1m": 1.0}, forming=forming)
        expected = blend(row[np.newaxis], found).signal[0]
        assert blend_of(one, weights_of(one, spec))[0] == pytest.approx(expected, abs=1e-15)
    assert np.isnan(blend_of(one, {"sentiment": 1.0})[0])


def test_the_default_weighs_technical_on_its_shortest_bars():
    weights = default_weights(window(10))
    assert weights["technical 1m"] == 0.4
    assert "technical 5m" not in weights
    assert "technical 1m forming" not in weights
    assert weights["model"] == 0.0
    assert default_weights(Window(
        start_ns=0, end_ns=0, mid=np.array([]), close=np.array([]), combined=np.array([]), values={}, qualities={},
        regimes={},
    )) == {}  # fmt: skip


def test_subjects_are_components_votes_blends_and_bots():
    spec = BlendSpec(bot_id=3, exchange="x", symbol="y", timeframe_weights={"1m": 1.0, "1h": 1.0})
    lost = BlendSpec(bot_id=4, exchange="x", symbol="y", timeframe_weights={"1h": 1.0},
                     component_weights={Component.TECHNICAL: 1.0})  # fmt: skip
    found = {subject.name: subject for subject in subjects_of(window(30), [spec, lost])}
    kinds = {name: subject.kind for name, subject in found.items()}
    assert kinds == {
        "technical 1m": Kind.COMPONENT, "technical 5m": Kind.COMPONENT, "speed": Kind.COMPONENT,
        "sentiment": Kind.COMPONENT, "model": Kind.VOTE, "combined": Kind.BLEND, "bot:3": Kind.BOT, "bot:4": Kind.BOT,
    }  # fmt: skip
    assert np.isfinite(found["bot:3"].signal).all()
    assert np.isnan(found["bot:4"].signal).all()
    assert found["model"].without is None


def test_candidates_are_weighed_and_move_no_blend():
    known = window(400)
    later = forward_returns(known.mid, known.close, 1)
    watched = replace(known, values={**known.values, "candidate a": np.nan_to_num(np.sign(later))})
    rows = [row for row in weigh(watched, horizons_s=(60,)) if row.regime == ""]
    (row,) = [row for row in rows if row.kind is Kind.CANDIDATE]
    assert (row.name, row.found.n) == ("candidate a", 399)
    assert row.found.ic > 0.8
    blends = [[row.found for row in weigh(w, horizons_s=(60,)) if row.kind is Kind.BLEND] for w in (known, watched)]
    assert blends[0] == blends[1]


def test_rows_of_every_subject_horizon_and_regime():
    rows = weigh(window())
    assert len(rows) == 6 * len(HORIZONS_S) * 2
    assert {row.regime for row in rows} == {"", "trend"}
    whole, half = (next(r for r in rows if (r.name, r.horizon_s, r.regime) == ("speed", 60, x)) for x in ("", "trend"))
    assert (whole.found.n, half.found.n) == (599, 300)
    assert whole.marginal_ic is not None
    assert half.marginal_ic is None


def test_a_component_that_alone_knows_something_is_what_the_blend_is_worth():
    quiet = window(4000)
    knows = np.append(np.sign(np.diff(np.log(quiet.mid))) * 0.1, 0.0)
    rng = np.random.default_rng(4)
    rows = weigh(window(4000, speed=np.clip(knows + rng.normal(0, 0.4, 4000), -1, 1)), horizons_s=(60,))
    found = {row.name: row for row in rows if not row.regime}
    assert found["speed"].judged.verdict == "supports"
    assert found["speed"].marginal_ic > 3 * abs(found["sentiment"].marginal_ic)
    assert found["speed"].dsr > 0.95
    assert found["sentiment"].dsr < 0.5


def test_luck_is_that_of_the_tries_at_the_same_horizon():
    """Ratios of a minute and of a day are of other sizes: what is judged beside them changes nothing."""
    of = window(3000)
    alone, beside = weigh(of, horizons_s=(60,)), weigh(of, horizons_s=(60, 3600))
    found = [row.dsr for row in beside if row.horizon_s == 60]
    assert found == [row.dsr for row in alone]
    row = next(row for row in alone if (row.name, row.regime) == ("speed", ""))
    ratios = [one.performance.sharpe for one in alone if not one.regime]
    assert row.dsr == deflated_sharpe(
        row.performance.sharpe, trials=len(ratios), deviation=float(np.std(ratios, ddof=1)), periods=row.performance.n,
        skew=row.performance.skew, kurtosis=row.performance.kurtosis,
    )  # fmt: skip


def test_of_noise_over_many_cells_almost_nothing_is_said():
    rows = [row for seed in range(12) for row in weigh(window(3000, seed=seed)) if row.found.t is not None]
    looks_like_something = sum(abs(row.found.t) >= 2.0 for row in rows)
    called = sum(row.judged.verdict in ("supports", "contradicts") for row in rows)
    assert looks_like_something > 0.03 * len(rows)
    assert called < 0.01 * len(rows)


def test_shuffled_labels_score_at_chance():
    """One signal knows the next minute; against returns in another order it is like any other."""
    verdicts = []
    for seed in range(20):
        of = window(3000, seed=seed)
        knows = np.append(np.diff(np.log(of.mid)) * 400, 0.0)
        rng = np.random.default_rng(seed)
        moved = rng.permutation(np.diff(np.log(of.mid)))
        mid = 100.0 * np.exp(np.concatenate(([0.0], np.cumsum(moved))))
        shuffled = Window(
            start_ns=0, end_ns=of.end_ns, mid=mid, close=mid, combined=of.combined, values={"speed": np.clip(knows, -1, 1)},
            qualities={"speed": np.ones(3000)}, regimes={},
        )  # fmt: skip
        rows = weigh(shuffled, horizons_s=(60, 300, 3600))
        verdicts += [row.judged.verdict for row in rows if row.name == "speed"]
        assert next(row for row in weigh(of, horizons_s=(60,)) if row.name == "sentiment").found.ic is not None
    wrong = sum(verdict in ("supports", "contradicts") for verdict in verdicts)
    assert wrong <= 0.15 * len(verdicts)


@pytest.mark.parametrize("bad", [np.zeros(600), np.full(600, NAN), np.full(600, np.inf), np.ones(600)])
def test_nothing_a_signal_says_makes_it_fail(bad):
    found = [row for row in weigh(window(speed=bad)) if row.name == "speed"]
    assert found
    assert {row.judged.verdict for row in found} == {"insufficient"}
    assert all(row.found.reason for row in found)


def test_of_fewer_than_20_pairs_no_share_and_no_cost_is_shown():
    few = weigh(window(20), horizons_s=(60,))
    enough = weigh(window(60), horizons_s=(60,))
    assert all((row.hits.rate, row.break_even_bps) == (None, None) for row in few)
    assert all(row.hits.rate is not None for row in enough if row.regime == "" and row.kind is Kind.COMPONENT)
