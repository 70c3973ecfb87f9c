"""The simulated exchange as a real process on a free port.

    from tests.simulator_fixture import running_simulator

    with running_simulator("--symbols", "BTC/USDT", ledger=tmp_path) as exchange:
        httpx.get(f"{exchange.rest_url}/api/v3/time")

Importing `simulator` into a test module or conftest gives the same as a fixture with the default markets.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.patience import PATIENCE_S

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulator:
    """Where the exchange answers, and the demo account's key."""

    rest_url: str
    websocket_url: str
    key: str
    secret: str
    process: subprocess.Popen[str]

    @property
    def port(self) -> int:
        return int(self.rest_url.rsplit(":", 1)[1])

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send the signal and wait; gives the exit code."""
        self.process.send_signal(number)
        return self.process.wait(timeout=PATIENCE_S)


def start_simulator(*arguments: str, ledger: Path, port: int = 0) -> Simulator:
    """Start the exchange and wait until it answers. Raises RuntimeError with its error output when it does not."""
    process = subprocess.Popen(
        [
            sys.executable, "-m", "marketdata.simulator", "--port", str(port), "--ledger", str(ledger),
            "--print-keys", "--json", *arguments,
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        _, errors = process.communicate(timeout=PATIENCE_S)
        raise RuntimeError(f"the simulated exchange did not start (exit code {process.returncode}): {errors}")
    ready = json.loads(line)
    return Simulator(
        rest_url=ready["rest_url"],
        websocket_url=ready["websocket_url"],
        key=ready["key"],
        secret=ready["secret"],
        process=process,
    )


@contextmanager
def running_simulator(*arguments: str, ledger: Path | None = None, port: int = 0) -> Iterator[Simulator]:
    """A running exchange, stopped at the end; without `ledger` its books are in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="simulator-") as folder:
        exchange = start_simulator(*arguments, ledger=ledger or Path(folder), port=port)
        try:
            yield exchange
        finally:
            if exchange.process.poll() is None:
                exchange.process.terminate()
                try:
                    exchange.process.wait(timeout=PATIENCE_S)
                except subprocess.TimeoutExpired:
                    exchange.process.kill()
                    exchange.process.wait()
            for stream in (exchange.process.stdout, exchange.process.stderr):
                if stream is not None:
                    stream.close()


@pytest.fixture(scope="session")
def simulator() -> Iterator[Simulator]:
    with running_simulator() as exchange:
        yield exchange
