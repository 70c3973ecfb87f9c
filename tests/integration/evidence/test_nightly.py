"""The nightly fit of volatility: from stored bars into its row, into signals, and onto the page."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from marketdata.models import BarRow, Exchange, Instrument, Subscription
from quant.models import VolatilityFit
from quant.nightly import fit_all, load_parameters, newest_run
from tests.unit.quant.market import walk

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 1, 2, 2, 12, tzinfo=UTC)
MINUTE_NS = 60_000_000_000


@pytest.fixture
def bitcoin():
    exchange = Exchange.objects.create(code="simulated", name="Simulated", adapter="binance", environment="simulated")
    Subscription.objects.create(exchange=exchange, symbol="BTC/USDT", follower="bot:1")
    return Instrument.objects.create(
        exchange=exchange, symbol="BTC/USDT", venue_symbol="BTCUSDT", base="BTC", quote="USDT", kind="spot",
        tick_size="0.01", lot_size="0.0001", min_quantity="0.0001", max_quantity="1000", min_notional="5",
    )  # fmt: skip


def store(instrument: Instrument, n: int) -> None:
    """Minutes whose moves cluster as GARCH has them."""
    rng, variance, moved, price, rows = np.random.default_rng(2), 1e-6, 0.0, 100.0, []
    for i in range(n):
        variance = 5e-8 + 0.15 * moved**2 + 0.8 * variance
        moved = float(rng.normal(0.0, variance**0.5))
        price *= float(np.exp(moved))
        rows.append(
            BarRow(
                instrument=instrument, timeframe="1m", ts_open=i * MINUTE_NS, open=price, high=price, low=price,
                close=price, volume=1.0, source="websocket",
            )
        )  # fmt: skip
    BarRow.objects.bulk_create(rows)


def test_what_clusters_is_found_and_a_random_walk_is_called_one(bitcoin):
    store(bitcoin, 3000)
    assert fit_all(now=NOW) == {"simulated BTC/USDT": ""}
    row = VolatilityFit.objects.get()
    assert (row.returns, row.reason, row.fitted_at) == (2999, "", NOW)
    found = load_parameters(now=NOW)["simulated", "BTC/USDT"]
    assert found.alpha == pytest.approx(0.15, abs=0.06)
    assert found.beta == pytest.approx(0.8, abs=0.1)
    assert abs(row.variance_ratio_z) < 4
    assert load_parameters(now=NOW + timedelta(days=7)) == {}


def test_a_night_with_too_little_says_so_and_keeps_the_fit_before(bitcoin):
    store(bitcoin, 300)
    fit_all(now=NOW)
    before = VolatilityFit.objects.get().parameters
    BarRow.objects.filter(ts_open__lt=200 * MINUTE_NS).delete()
    said = fit_all(now=NOW + timedelta(days=1))["simulated BTC/USDT"]
    assert said == "99 finite returns, 250 without a hole are needed"
    row = VolatilityFit.objects.get()
    assert (row.parameters, row.fitted_at, row.reason) == (before, NOW, said)


def test_a_hole_ends_the_run():
    bars = walk(10)
    assert newest_run(bars) == [bar.close for bar in bars]
    assert newest_run([*bars[:4], *bars[5:]]) == [bar.close for bar in bars[5:]]
    assert newest_run([]) == []


def test_the_page_tells_of_the_night(client, django_user_model, bitcoin):
    from bots.dashboard.evidence_notes import night

    assert night("simulated", "BTC/USDT") is None
    VolatilityFit.objects.create(
        exchange="simulated", symbol="BTC/USDT", tried_at=NOW, fitted_at=NOW, variance_ratio=0.93,
        variance_ratio_z=-2.8, parameters={"mu": 0.0, "omega": 0.01, "alpha": 0.1, "beta": 0.8},
    )  # fmt: skip
    told = night("simulated", "BTC/USDT")
    assert told.ratio == "0.93 over 5 minutes, z \N{MINUS SIGN}2.8: moves are taken back"
    assert told.garch == "alpha 0.100, beta 0.800: a shock halves in 7 min; 0.316 % a minute in the long run"
