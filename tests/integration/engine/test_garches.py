"""The nightly GARCH on its way into a running engine."""

from datetime import UTC, datetime

from bots.engine.garches import Garches
from quant.models import VolatilityFit
from tests.integration.engine.market import TestFeed, eventually
from tests.integration.engine.test_engine import RunningEngine, eager_bot, market  # noqa: F401
from tests.integration.orders.cast import Cast

FITTED = {"mu": 0.0, "omega": 0.001, "alpha": 0.1, "beta": 0.8}


async def test_a_fit_reaches_the_symbol_and_goes_when_it_is_gone(cast: Cast, market: TestFeed) -> None:  # noqa: F811
    await eager_bot(cast)
    await VolatilityFit.objects.acreate(
        exchange="simulated",
        symbol="BTC/USDT",
        parameters=FITTED,
        fitted_at=datetime.now(UTC),
        tried_at=datetime.now(UTC),
    )
    async with RunningEngine() as engine:
        engine.garches = Garches(engine.roster.runners, refresh_s=0.1)

        runner = await eventually(lambda: engine.roster.runners.get(("simulated", "BTC/USDT")))
        # The reading tells of it from the next bar on.
        await eventually(lambda: runner.worker.signals._volatility._garch.sigma is not None)
        await VolatilityFit.objects.all().adelete()
        await eventually(lambda: runner.worker.signals._volatility._garch.sigma is None)
