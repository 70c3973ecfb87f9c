import asyncio
import time

from marketdata.simulator.lag import LoopLag


async def test_a_pause_counts_while_it_lasts_and_a_little_longer():
    lag = LoopLag()
    task = asyncio.create_task(lag.run())
    await asyncio.sleep(0)
    time.sleep(0.3)  # noqa: ASYNC251
    assert lag.recent_s >= 0.25
    await asyncio.sleep(0.1)
    assert lag.recent_s >= 0.25
    task.cancel()
