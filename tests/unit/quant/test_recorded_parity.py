"""On the recorded session, signals of ticks equal their definitions over arrays: same events, no state, no streaming."""

import math

import numpy as np
import pytest

from marketdata.events import BookSnapshot, QuoteTick, TradeTick
from quant.features.book import imbalance, order_flow
from quant.features.flow_window import BIN_NS, FlowWindow
from quant.signals.microstructure import Microstructure
from quant.signals.speed import Speed
from tests.unit.quant.market import SECOND, recorded_session, session

LENGTH = 12_000


@pytest.fixture(scope="module", params=["recorded", "synthetic"])
def events(request):
    return list(recorded_session(LENGTH)) if request.param == "recorded" else session(150)


def tops(events):
    quotes = [e for e in events if isinstance(e, QuoteTick)]
    return quotes, np.array([(q.bid, q.bid_size, q.ask, q.ask_size) for q in quotes])


@pytest.mark.parametrize("seconds", [10, 60])
def test_order_flow_equals_arrays(events, seconds):
    quotes, rows = tops(events)
    bid, bid_size, ask, ask_size = rows.T
    up, down = bid[1:] >= bid[:-1], bid[1:] <= bid[:-1]
    ask_down, ask_up = ask[1:] <= ask[:-1], ask[1:] >= ask[:-1]
    flows = up * bid_size[1:] - down * bid_size[:-1] - ask_down * ask_size[1:] + ask_up * ask_size[:-1]
    depths = (bid_size[1:] + ask_size[1:]) / 2
    places = np.array([q.ts_init for q in quotes[1:]]) // BIN_NS
    window = FlowWindow(seconds)
    for i in range(1, len(quotes)):
        flow = order_flow(tuple(rows[i - 1]), tuple(rows[i]))
        assert flow == pytest.approx(flows[i - 1], rel=1e-12, abs=1e-12)
        window.add(quotes[i].ts_init, flow, (rows[i][1] + rows[i][3]) / 2)
        if i % 50 == 0:
            inside = (places[:i] > places[i - 1] - seconds * SECOND // BIN_NS) & (places[:i] <= places[i - 1])
            expected = flows[:i][inside].sum() / depths[:i][inside].mean()
            assert window.value == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_trade_flow_equals_arrays(events):
    micro, prints = Microstructure(), [e for e in events if isinstance(e, TradeTick)]
    ts = np.array([p.ts_init for p in prints])
    sizes, signs = np.array([p.size for p in prints]), np.array([p.sign for p in prints])
    for i, tick in enumerate(prints):
        micro.on_trade(tick.ts_init, tick.sign, tick.size)
        if i % 25 == 24:
            # Prints come as they were received; a clock that steps back fades nothing.
            ages = (np.maximum.accumulate(ts)[i] - np.maximum.accumulate(ts)[: i + 1]) / 1e9
            weights = np.exp(-ages / 30.0) * sizes[: i + 1]
            expected = (weights * signs[: i + 1]).sum() / weights.sum()
            assert micro._trades.value == pytest.approx(expected, rel=1e-11, abs=1e-12)


def test_book_imbalance_equals_arrays():
    books = [e for e in session(120) if isinstance(e, BookSnapshot)]
    micro = Microstructure()
    now = [imbalance(b.bids, b.asks) or 0.0 for b in books]
    expected = now[0]
    for i, b in enumerate(books):
        micro.on_book(b.ts_init, b.bids, b.asks)
        if i:
            expected += (1 - math.exp(-(b.ts_init - books[i - 1].ts_init) / 1e9)) * (now[i] - expected)
        assert micro._imbalance == pytest.approx(expected, rel=1e-12)


def test_speed_equals_arrays(events):
    """Scaled returns and velocities from the sampled mids alone."""
    speed = Speed()
    samples: list[tuple[int, float]] = []
    seconds: list[int] = []
    second_mids: list[float] = []
    for e in events:
        if isinstance(e, QuoteTick) and speed.on_mid(e.ts_init, e.mid):
            samples.append((e.ts_init, math.log(e.mid)))
            if not seconds or e.ts_init - seconds[-1] >= SECOND:
                seconds.append(e.ts_init)
                second_mids.append(math.log(e.mid))
    ts, mids = np.array([s[0] for s in samples]), np.array([s[1] for s in samples])
    gaps, moves = np.diff(np.array(seconds)) / 1e9, np.diff(np.array(second_mids))
    fades = np.exp(-(seconds[-1] - np.array(seconds[1:])) / 1e9 / 600.0)
    variance = (fades * moves**2).sum() / (fades * gaps).sum()
    scaled = []
    for horizon in (5, 30, 120):
        old = np.flatnonzero(ts <= ts[-1] - horizon * SECOND)
        if len(old) and ts[-1] - ts[old[-1]] <= 2 * horizon * SECOND:
            scaled.append((mids[-1] - mids[old[-1]]) / math.sqrt(variance * (ts[-1] - ts[old[-1]]) / 1e9))
    assert [x for x in speed._scaled_returns() if x is not None] == pytest.approx(scaled, rel=1e-9)
    steps, elapsed = np.diff(mids), np.diff(ts) / 1e9
    velocities = []
    for tau in (20.0, 5.0):
        weights = np.exp(-(ts[-1] - ts[1:]) / 1e9 / tau)
        velocities.append((weights * steps).sum() / (weights * elapsed).sum())
    assert speed._velocities() == pytest.approx((velocities[0], velocities[1] - velocities[0]), rel=1e-9)
