from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.simulator_fixture import Simulator, running_simulator

if TYPE_CHECKING:
    from marketdata.models import Exchange

_PUNCTUAL = ("test_row_05", "test_row_06", "test_row_11")
_LOAD = ("test_row_07", "test_row_08", "test_row_12")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where the machine is busy data is late, and some faults are not told from that then; others make it busy."""
    here = Path(__file__).parent
    for item in items:
        if here not in item.path.parents:
            continue
        if item.path.stem.startswith(_PUNCTUAL):
            item.add_marker(pytest.mark.punctual)
        if item.path.stem.startswith(_LOAD):
            item.add_marker(pytest.mark.alone)


@pytest.fixture(scope="session")
def broken_market() -> Iterator[Simulator]:
    options = ("--symbols", "BTC/USDT,ETH/USDT", "--history-days", "1")
    with running_simulator(*options) as simulator:
        yield simulator


@pytest.fixture
def market(broken_market: Simulator) -> Iterator[Simulator]:
    """One exchange for all tests here; no fault outlives its test, and each may use the whole of the limits."""
    httpx.delete(f"{broken_market.rest_url}/sim/limits", timeout=30).raise_for_status()
    yield broken_market
    url = f"{broken_market.rest_url}/sim/faults"
    for row in httpx.get(url, timeout=30).json():
        if row["on"]:
            httpx.post(url, json={"name": row["name"], "on": False}, timeout=30).raise_for_status()


@pytest.fixture
def venue(market: Simulator, transactional_db: None, redis_flush: None) -> "Exchange":
    from tests.integration.marketdata.cast import add_venue

    return add_venue(market)
