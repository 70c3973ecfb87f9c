"""The server of the guide runs as it is written, and our client understands it."""

import contextlib
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from quant.reading import Component
from quant.remote.breaker import Breaker
from quant.remote.client import QuantClient
from tests.integration.web.sockets import free_port
from tests.patience import PATIENCE_S
from tests.unit.quant.remote.cast import bars, walk

GUIDE = Path(__file__).resolve().parents[4] / "docs" / "quant-service.md"


@contextlib.contextmanager
def server_of_the_guide(folder: Path) -> Iterator[str]:
    (code,) = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    script, port = folder / "my_server.py", free_port()
    script.write_text(code)
    process = subprocess.Popen([sys.executable, str(script), str(port)], stderr=subprocess.DEVNULL)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=PATIENCE_S)


async def test_a_server_of_your_own(tmp_path):
    rising = [row | {"close": 100 + 0.1 * i, "high": 200, "low": 1} for i, row in enumerate(walk(60))]
    with server_of_the_guide(tmp_path) as url:
        client = QuantClient(url, breaker=Breaker(failures=1000))
        deadline = time.monotonic() + PATIENCE_S
        while (said := await client.signals("BTC/USDT", bars(rising), time.time_ns())) is None:
            assert time.monotonic() < deadline, client.health
        await client.close()
    assert said.values == {Component.SPEED: pytest.approx(50 * (105.9 / 104.0 - 1))}
