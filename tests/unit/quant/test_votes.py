"""Votes from outside, strategies switched off, and signals that fail: none of them reaches the other signals."""

import math

import numpy as np
import pytest
from msgspec import structs

from marketdata.events import Funding, Premium
from quant.blend import blend, weight_row
from quant.explain import voices
from quant.features.liquidity import LiquiditySweep
from quant.features.mean_reversion import MeanReversion
from quant.features.momentum import Momentum
from quant.features.structure import SmartMoney
from quant.features.trend import Trend
from quant.features.variance_premium import VariancePremium
from quant.features.volume import Volume
from quant.learning.features import MARKET_FEATURES, market_features
from quant.reading import Component, Reading
from quant.signals.microstructure import Microstructure
from quant.signals.open_interest import OpenInterestSignal
from quant.signals.options_flow import OptionsFlowSignal
from quant.signals.sentiment import SentimentSignal
from quant.signals.speed import Speed
from quant.signals.technical import Technical
from quant.strategies import STRATEGIES, STRATEGY_WEIGHTS, without
from quant.symbol_signals import BROKEN_FEEDS, SymbolSignals
from tests.unit.quant.market import IDS, SECOND, START, session, walk
from tests.unit.quant.slow_market import derivatives, everything, index

BARS = 300
MINUTE = 60 * SECOND
NOW = START + BARS * MINUTE


def alive(seconds: int = 58) -> tuple[SymbolSignals, int]:
    made = SymbolSignals(**IDS)
    made.warm_up(walk(BARS))
    events = session(seconds, start=NOW, price=walk(BARS)[-1].close)
    for event in events:
        made.update(event)
    return made, events[-1].ts_init


def with_month() -> SymbolSignals:
    """Of slow observations, until now."""
    made = SymbolSignals(exchange="binance", symbol="BTC/USDT")
    made.load_observations(everything(35, end=NOW))
    return made


def vote(value: float | None, *, as_of: int, quality: float = 1.0) -> Reading:
    return Reading(value=value, quality=quality, as_of=as_of, n_obs=1)


def place(made: SymbolSignals, component: Component) -> int:
    return [column.component for column in made.columns].index(component)


def test_a_learned_component_exists_only_while_it_votes():
    made, now = alive()
    where = place(made, Component.MODEL)
    before = made.read(now_ns=now)
    assert not before.exists[where]
    assert before.readings[where].reason == "no model votes here"
    made.set_vote(Component.MODEL, vote(0.4, as_of=now))
    voted = made.read(now_ns=now)
    assert voted.exists[where]
    assert (voted.values[where], voted.quality[where]) == (0.4, 1.0)
    assert voted.readings[:where] == before.readings[:where]
    made.set_vote(Component.MODEL, None)
    assert not made.read(now_ns=now).exists[where]


def test_a_learned_vote_counts_for_two_of_its_bars():
    made, now = alive()
    where = place(made, Component.POLICY)
    made.set_vote(Component.POLICY, vote(-0.5, as_of=now), bar_s=300.0)
    assert made.read(now_ns=now + 300 * SECOND).quality[where] == 1.0
    assert 0.0 < made.read(now_ns=now + 450 * SECOND).quality[where] < 1.0
    assert made.read(now_ns=now + 601 * SECOND).quality[where] == 0.0


def test_a_remote_value_stands_in_until_it_is_too_old_or_withdrawn():
    made, now = alive()
    where = place(made, Component.SPEED)
    own = made.read(now_ns=now).values[where]
    made.set_vote(Component.SPEED, vote(0.25, as_of=now))
    assert made.read(now_ns=now).values[where] == 0.25
    assert made.read(now_ns=now + 5 * SECOND + 1).values[where] == own
    made.set_vote(Component.SPEED, vote(0.25, as_of=now))
    made.set_vote(Component.SPEED, None)
    assert made.read(now_ns=now).values[where] == own


@pytest.mark.parametrize("component", [Component.SPEED, Component.MICROSTRUCTURE, Component.SENTIMENT])
def test_a_remote_value_that_is_asked_for_each_bar_holds_until_the_next_and_fades_after_it(component):
    made, now = alive()
    where = place(made, component)
    made.set_vote(component, vote(0.25, as_of=now), bar_s=60.0)
    for seconds in (0, 30, 60):
        held = made.read(now_ns=now + seconds * SECOND)
        assert (held.values[where], held.quality[where]) == (0.25, 1.0)
    fading = made.read(now_ns=now + 100 * SECOND)
    assert (fading.values[where], fading.quality[where]) == (0.25, 0.5)
    aged = made.read(now_ns=now + 120 * SECOND + 1)
    assert aged.readings[where].parts == alive()[0].read(now_ns=now + 120 * SECOND + 1).readings[where].parts


def test_the_built_in_signal_ages_by_itself_again_once_the_remote_one_is_withdrawn():
    made, now = alive()
    where = place(made, Component.MICROSTRUCTURE)
    before = made.read(now_ns=now + SECOND)
    made.set_vote(Component.MICROSTRUCTURE, vote(0.25, as_of=now), bar_s=60.0)
    made.set_vote(Component.MICROSTRUCTURE, None)
    after = made.read(now_ns=now + SECOND)
    assert after.readings == before.readings
    assert after.quality[where] == before.quality[where]
    assert made.read(now_ns=now + 10 * SECOND).quality[where] == 0.0


def test_what_was_measured_stays_beside_a_remote_value_while_it_counts():
    made, now = alive()
    own = made.read(now_ns=now).reading(Component.MICROSTRUCTURE)
    assert own.parts["book_imbalance"] is not None
    made.set_vote(
        Component.MICROSTRUCTURE,
        Reading(value=-0.5, quality=1.0, as_of=now, n_obs=0, parts={"remote": 1.0}),
        bar_s=60.0,
    )
    vector = made.read(now_ns=now)
    said = vector.reading(Component.MICROSTRUCTURE)
    assert said.value == -0.5
    assert said.parts == {**own.parts, "remote": 1.0}
    assert math.isfinite(market_features(vector)[MARKET_FEATURES.index("book_imbalance")])
    weights = np.zeros(len(made.columns))
    weights[place(made, Component.MICROSTRUCTURE)] = 1.0
    assert [(voice.name, voice.value) for voice in voices(vector, weights)] == [("microstructure", -0.5)]
    assert made.read(now_ns=now + 3 * SECOND).reading(Component.MICROSTRUCTURE).parts == {"remote": 1.0}


def test_a_remote_value_that_is_missing_leaves_the_built_in_one():
    made, now = alive()
    own = made.read(now_ns=now).reading(Component.VOLATILITY)
    made.set_vote(Component.VOLATILITY, vote(None, as_of=now, quality=0.0))
    assert made.read(now_ns=now).reading(Component.VOLATILITY) == own


def test_a_value_of_the_future_is_not_believed():
    made, now = alive()
    own = made.read(now_ns=now).reading(Component.SPEED)
    made.set_vote(Component.SPEED, vote(1.0, as_of=now + SECOND))
    assert made.read(now_ns=now).reading(Component.SPEED) == own


@pytest.mark.parametrize("value", [math.nan, math.inf, 1.01, -7.0])
def test_nonsense_is_refused(value):
    made, now = alive()
    with pytest.raises(ValueError, match="must be from -1 to 1"):
        made.set_vote(Component.MODEL, vote(value, as_of=now))
    with pytest.raises(ValueError, match="quality"):
        made.set_vote(Component.MODEL, vote(0.1, as_of=now, quality=2.0))
    with pytest.raises(ValueError, match="cannot be voted"):
        made.set_vote(Component.TECHNICAL, vote(0.1, as_of=now))


def test_a_variant_without_a_strategy_weighs_the_others():
    made, now = alive()
    made.follow_variants([("liquidity", "trend"), ()])
    vector = made.read(now_ns=now)
    names = [column.name for column in vector.columns][:4]
    assert names[:2] == ["technical 1m", "technical 1m without liquidity, trend"]
    whole, less = vector.readings[0], vector.readings[1]
    known = {name: whole.parts[name] for name in STRATEGY_WEIGHTS if name not in ("liquidity", "trend")}
    weights = {name: STRATEGY_WEIGHTS[name] for name, value in known.items() if value is not None}
    expected = sum(weight * (known[name] or 0.0) for name, weight in weights.items()) / sum(weights.values())
    assert less.value == pytest.approx(expected)
    assert less.quality == whole.quality
    assert vector.reading(Component.TECHNICAL, "1m") == whole
    made.follow_variants([()])
    assert made.read(now_ns=now).readings[0] == whole
    assert len(made.columns) == len(vector.columns) - 2


def test_without_any_strategy_technical_says_why():
    made, now = alive()
    made.follow_variants([tuple(sorted(STRATEGIES))])
    reading = made.read(now_ns=now).readings[1]
    assert reading.value is None
    assert "switched on" in reading.reason


@pytest.mark.parametrize(
    ("attribute", "method", "component"),
    [
        ("_speed", "on_mid", Component.SPEED),
        ("_micro", "on_book", Component.MICROSTRUCTURE),
        ("_volatility", "update", Component.VOLATILITY),
    ],
)
def test_a_signal_that_raises_is_left_out_with_the_reason(monkeypatch, attribute, method, component):
    def broken(*_):
        raise ZeroDivisionError("by zero")

    made, now = alive()
    others = [i for i, c in enumerate(made.columns) if c.component is not component]
    twin, _ = alive()
    monkeypatch.setattr(type(getattr(made, attribute)), method, broken)
    more = [*walk(BARS + 1)[-1:], *session(2, start=now + SECOND, price=100.0)]
    for event in more:
        made.update(event)
    monkeypatch.undo()
    for event in more:
        twin.update(event)
    end = now + 3 * SECOND
    failed, sound = made.read(now_ns=end), twin.read(now_ns=end)
    assert failed.reading(component).value is None
    assert "failed (ZeroDivisionError: by zero) and begun anew" in failed.reading(component).reason
    assert [failed.readings[i].value for i in others] == [sound.readings[i].value for i in others]


@pytest.mark.parametrize("method", ["update", "read"])
@pytest.mark.parametrize(
    ("component", "signal"),
    [
        (Component.OPEN_INTEREST, OpenInterestSignal),
        (Component.OPTIONS_FLOW, OptionsFlowSignal),
        (Component.SENTIMENT, SentimentSignal),
    ],
)
def test_a_slow_signal_that_raises_is_left_out_with_the_reason(monkeypatch, component, signal, method):
    def broken(*_):
        raise OverflowError("too large")

    made, twin = with_month(), with_month()
    where = place(made, component)
    assert made.read(now_ns=NOW).readings[where].value is not None
    news = index(NOW + SECOND, 50.0)
    end = NOW + 2 * SECOND
    twin.update(news)
    sound = twin.read(now_ns=end)
    once = iter([broken])
    sane = getattr(signal, method)
    monkeypatch.setattr(signal, method, lambda *given: next(once, sane)(*given))
    made.update(news)
    failed = made.read(now_ns=end)
    assert failed.readings[where].value is None
    assert failed.readings[where].reason.startswith("failed (OverflowError: too large) and begun anew: ")
    others = [i for i in range(len(made.columns)) if i != where]
    assert [failed.readings[i] for i in others] == [sound.readings[i] for i in others]
    made.load_observations(everything(35, end=NOW))
    assert made.read(now_ns=NOW).readings[where].value is not None


def test_a_variance_premium_that_raises_moves_nothing(monkeypatch):
    def broken(*_):
        raise ZeroDivisionError("by zero")

    twin = with_month().read(now_ns=NOW)
    monkeypatch.setattr(VariancePremium, "on_index", broken)
    made = with_month()
    made.update(next(event for event in derivatives(1, end=NOW + SECOND) if isinstance(event, Premium)))
    assert [r.value for r in made.read(now_ns=NOW).readings] == [r.value for r in twin.readings]


@pytest.mark.parametrize("interval_h", [math.nan, math.inf, -8.0, 0.0, 1e-300])
def test_a_funding_interval_that_cannot_be_ends_nothing(interval_h):
    perpetual = SymbolSignals(exchange="binance_usdm", symbol="BTC/USDT:USDT")
    perpetual.update(
        Funding(exchange="x", symbol="BTC", rate=1e-4, interval_h=interval_h, ts_event=START, ts_init=START)
    )
    assert perpetual.read(now_ns=START).funding_ns == START


@pytest.mark.parametrize(
    ("cls", "method", "component"),
    [
        (Technical, "peek", Component.TECHNICAL),
        (Speed, "read", Component.SPEED),
        (Microstructure, "read", Component.MICROSTRUCTURE),
    ],
)
def test_a_signal_that_raises_while_it_is_read_is_left_out_with_the_reason(monkeypatch, cls, method, component):
    made, now = alive()
    sound = made.read(now_ns=now)
    once = iter([ZeroDivisionError("by zero")])
    sane = getattr(cls, method)

    def broken(self, *given):
        for error in once:
            raise error
        return sane(self, *given)

    monkeypatch.setattr(cls, method, broken)
    failed = made.read(now_ns=now)
    for column, after, before in zip(made.columns, failed.readings, sound.readings, strict=True):
        if column.component is component:
            assert after.value is None
            assert "failed (ZeroDivisionError: by zero) and begun anew" in after.reason
        else:
            assert after == before


@pytest.mark.parametrize("said", [{"value": math.nan}, {"value": -math.inf}, {"value": 1.5}, {"quality": math.nan}])
def test_a_signal_that_says_what_is_no_signal_is_left_out_with_the_reason(monkeypatch, said):
    made, now = alive()
    sound = made.read(now_ns=now)
    place = next(i for i, column in enumerate(made.columns) if column.component is Component.SPEED)
    wrong = structs.replace(sound.readings[place], **said)
    monkeypatch.setattr(Speed, "read", lambda _: wrong)
    found = made.read(now_ns=now)
    assert found.readings[place].value is None
    assert "speed said " in found.readings[place].reason
    others = [i for i in range(len(made.columns)) if i != place]
    assert [found.readings[i] for i in others] == [sound.readings[i] for i in others]
    row = weight_row(found.columns, timeframe_weights={"1m": 1.0}, forming=False)[None, :]
    assert math.isfinite(blend(row, found).signal[0])


@pytest.mark.parametrize("method", ["update", "peek"])
@pytest.mark.parametrize(
    ("strategy", "cls"),
    [
        ("trend", Trend),
        ("momentum", Momentum),
        ("mean_reversion", MeanReversion),
        ("volume", Volume),
        ("liquidity", LiquiditySweep),
        ("smart_money", SmartMoney),
    ],
)
def test_a_technical_strategy_that_raises_is_left_out_alone(monkeypatch, strategy, cls, method):
    def broken(*_):
        raise ValueError("no such thing")

    made, now = alive()
    twin, _ = alive()
    bars = walk(BARS + 60)
    forming = structs.replace(bars[BARS], closed=False)
    event = bars[BARS] if method == "update" else forming
    place = next(
        i for i, c in enumerate(made.columns) if c.component is Component.TECHNICAL and c.forming == (method == "peek")
    )
    monkeypatch.setattr(cls, method, broken)
    made.update(event)
    failed = made.read(now_ns=now).readings[place]
    monkeypatch.undo()
    twin.update(event)
    sound = twin.read(now_ns=now).readings[place]
    assert failed.parts[strategy] is None
    assert (
        failed.reason == f"{strategy.replace('_', ' ')} failed (ValueError: no such thing) and begun anew: 0 of 50 bars"
    )
    assert {name: failed.parts[name] for name in STRATEGIES if name != strategy} == {
        name: sound.parts[name] for name in STRATEGIES if name != strategy
    }
    assert failed.value == without(sound, [strategy]).value
    for later in bars[BARS + 1 : BARS + 52]:
        made.update(later)
    healed = made.read(now_ns=bars[BARS + 51].ts_close).reading(Component.TECHNICAL, "1m")
    assert healed.reason == ""
    assert healed.parts[strategy] is not None


def test_a_technical_strategy_that_says_what_is_no_score_is_left_out_alone(monkeypatch):
    made, now = alive()
    monkeypatch.setattr(Momentum, "update", lambda *_: math.nan)
    made.update(walk(BARS + 1)[-1])
    reading = made.read(now_ns=now).reading(Component.TECHNICAL, "1m")
    assert reading.value is not None
    assert reading.reason == "momentum said nan: left out"
    assert reading.parts["momentum"] is None


def test_every_state_in_which_nothing_trades_breaks_the_feed():
    assert {"connecting", "resyncing", "stale", "disconnected", "failed", "refused", "closed"} == BROKEN_FEEDS


def test_the_funding_that_is_nearest():
    perpetual = SymbolSignals(exchange="binance_usdm", symbol="BTC/USDT:USDT")
    hour = 3600 * SECOND
    paid = Funding(exchange="x", symbol="BTC", rate=1e-4, interval_h=8.0, ts_event=START, ts_init=START)
    perpetual.update(paid)
    assert perpetual.read(now_ns=START + hour).funding_ns == START
    assert perpetual.read(now_ns=START + 7 * hour).funding_ns == START + 8 * hour
    assert perpetual.read(now_ns=START + 16 * hour - SECOND).funding_ns == START + 16 * hour
    spot = SymbolSignals(exchange="binance", symbol="BTC/USDT")
    spot.update(paid)
    assert spot.read(now_ns=START).funding_ns is None
