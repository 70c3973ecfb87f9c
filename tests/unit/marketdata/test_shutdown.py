"""A process whose loop never ends is ended; one that ends by itself is left alone."""

import subprocess
import sys

import pytest

from tests.patience import PATIENCE_S

PROGRAM = """
import asyncio, sys
from marketdata.shutdown import forced_end

async def deaf():
    while True:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            pass

async def main():
    if sys.argv[1] == "deaf":
        task = asyncio.create_task(deaf())
        await asyncio.sleep(0)
    deadline.start()

deadline = forced_end(0.5, code=7)
asyncio.run(main())
deadline.cancel()
"""


@pytest.mark.parametrize(("kind", "code"), [("deaf", 7), ("willing", 0)])
def test_only_what_does_not_end_is_ended(kind: str, code: int) -> None:
    ended = subprocess.run([sys.executable, "-c", PROGRAM, kind], timeout=PATIENCE_S, check=False)
    assert ended.returncode == code
