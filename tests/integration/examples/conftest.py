from collections.abc import Iterator

import pytest

from tests.simulator_fixture import Simulator, running_simulator


@pytest.fixture(scope="module")
def market() -> Iterator[Simulator]:
    with running_simulator("--symbols", "BTC/USDT,ETH/USDT", "--history-days", "1") as simulator:
        yield simulator
