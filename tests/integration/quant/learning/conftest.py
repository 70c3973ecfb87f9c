"""A venue with minutes in PostgreSQL. Models are imported in the fixtures: this file may be loaded before Django is set up."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

MINUTE = 60_000_000_000
BEGIN = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def venue(db):
    from marketdata.models import Exchange

    return Exchange.objects.create(code="simulated", name="Simulated", adapter="binance", environment="simulated")


@pytest.fixture
def scene(venue):
    return Scene(venue)


class Scene:
    """Instruments with planted or planless minutes, and the clock."""

    def __init__(self, venue):
        self.venue = venue
        self.now = BEGIN

    def clock(self):
        return self.now

    def instrument(self, base):
        from marketdata.models import Instrument

        return Instrument.objects.get_or_create(
            exchange=self.venue,
            symbol=f"{base}/USDT",
            defaults={
                "venue_symbol": f"{base}USDT", "base": base, "quote": "USDT", "tick_size": "0.01", "lot_size": "0.001",
                "min_quantity": "0.001", "max_quantity": "1000", "min_notional": "1",
            },
        )[0]  # fmt: skip

    def fill(self, base="BTC", *, bars=9000, planted=0.0, seed=1):
        """Store minutes from BEGIN on, and let it be the end of the last one."""
        from marketdata.models import BarRow
        from tests.unit.quant.learning.market import history

        instrument = self.instrument(base)
        found = history(bars, seed=seed, planted=planted, start_ns=int(BEGIN.timestamp()) * 10**9)
        names = ("open", "high", "low", "close", "volume", "taker_buy")
        columns = zip(found.ts_open.tolist(), *(getattr(found, name).tolist() for name in names), strict=True)
        BarRow.objects.bulk_create(
            BarRow(
                instrument=instrument, timeframe="1m", ts_open=ts, open=open_, high=high, low=low, close=close,
                volume=volume, taker_buy_volume=taker, trades=1, source="test",
            )
            for ts, open_, high, low, close, volume, taker in columns
        )  # fmt: skip
        self.now = BEGIN + timedelta(minutes=bars)
        return found

    def ask(self, *bases, horizon=12, cost_bps=5.0, **changed):
        from quant.learning.runs import request_run

        symbols = [f"{base}/USDT" for base in bases or ("BTC",)]
        fields = {"exchange": "simulated", "timeframe": "1m", "actor": "alice", "now": self.now, **changed}
        return request_run(symbols=symbols, horizon_bars=horizon, cost_bps=cost_bps, **fields)

    def version(self, base="BTC", *, status="shadow", age=timedelta(0), refusals=(), **changed):
        """A version with trees of its own that say buy where takers buy."""
        from quant.learning.artefact import dump
        from quant.learning.features import SCHEMA_HASH
        from quant.learning.loading import label_params
        from quant.models import ModelVersion

        text, digest = dump(small_artefact())
        params = label_params(12, 5.0)
        symbol = f"{base}/USDT"
        fields = {
            "name": f"simulated-{base.lower()}-usdt-1m", "number": ModelVersion.objects.count() + 1,
            "exchange": "simulated", "symbol": symbol, "timeframe": "1m", "status": status, "artefact": text,
            "sha256": digest, "schema_hash": SCHEMA_HASH, "span_start_ns": 0, "span_end_ns": 1, "bars": 1, "labels": 600,
            "label_params": {name: getattr(params, name) for name in params.__struct_fields__},
            "code_revision": "test", "trials": 1, "metrics": {}, "refusals": list(refusals),
            "created_at": self.now - age, "status_since": self.now - age,
        }  # fmt: skip
        return ModelVersion.objects.create(**{**fields, **changed})


_SMALL = []


def small_artefact():
    """Trained once for all tests, on 1,500 rows of one feature that tells."""
    from quant.learning.artefact import FORMAT, Artefact
    from quant.learning.drift import reference_of
    from quant.learning.features import FEATURES, SCHEMA_HASH
    from quant.learning.fit import fit_baseline, fit_trees
    from tests.unit.quant.learning.market import column, examples, history

    if not _SMALL:
        x, labels = examples(history(6000, seed=3, planted=0.35))
        weights = np.ones(len(labels))
        booster = fit_trees(x, labels.classes, weights, seed=1, threads=1, check=lambda: None)
        p = booster.predict(x)
        gain = booster.feature_importance(importance_type="gain")
        assert FEATURES[int(gain.argmax())] == "taker_flow" == FEATURES[column("taker_flow")]
        _SMALL.append(
            Artefact(
                format=FORMAT, features=list(FEATURES), schema_hash=SCHEMA_HASH, booster=booster.model_to_string(),
                temperature=1.0, prior=[0.3, 0.4, 0.3], theta=0.1, baseline=fit_baseline(x, labels.classes, weights),
                reference={name: reference_of(x[:, i]) for i, name in enumerate(FEATURES)},
                lean=reference_of(p[:, 2] - p[:, 0]),
                importance=dict(zip(FEATURES, (gain / gain.sum()).tolist(), strict=True)),
            )
        )  # fmt: skip
    return _SMALL[0]
