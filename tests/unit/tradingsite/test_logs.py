"""One event, twice: a line for people on the console, JSON with everything in a file named after the process."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tradingsite.logs import without_secrets

PROJECT = Path(__file__).parents[3]
SCRIPT = """
import logging.config, sys
from pathlib import Path
from tradingsite.logs import logging_config
logging.config.dictConfig(logging_config(level="INFO", folder=Path(sys.argv[1])))
import structlog
log = structlog.get_logger("bots.engine")
log.debug("too small to tell")
log.info("[RISK MANAGER] rejected", bot_id=7, reason="stale price")
logging.getLogger("library").warning("plain %s", "words")
try:
    password = "hunter" + "2"
    1 / 0
except ZeroDivisionError:
    log.exception("went wrong")
"""


def test_console_and_file_tell_the_same_events(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path)],
        cwd=PROJECT, env=os.environ | {"PROCESS_NAME": "engine/1", "NO_COLOR": "1"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "[RISK MANAGER] rejected bot_id=7 reason='stale price'" in done.stderr
    assert "plain words" in done.stderr
    assert "ZeroDivisionError" in done.stderr
    assert "hunter2" not in done.stderr

    events = [json.loads(line) for line in (tmp_path / "engine-1.jsonl").read_text().splitlines()]
    assert [event["event"] for event in events] == ["[RISK MANAGER] rejected", "plain words", "went wrong"]
    assert events[0] | {"bot_id": 7, "level": "info", "logger": "bots.engine"} == events[0]
    assert events[0]["timestamp"].endswith("Z")
    assert "ZeroDivisionError" in events[2]["exception"]


@pytest.mark.parametrize(
    "line",
    [
        "GET /api/v3/account?timestamp=1&signature=canary&x=1",
        '{"event": "asked", "secret": "canary", "n": 1}',
        '{"event": "{\\"apiKey\\": \\"canary\\"}"}',
        "Authorization: Bearer canary",
        "X-MBX-APIKEY: canary",
        "{'KC-API-PASSPHRASE': 'canary'}",
        "API-Sign=canary",
        "\x1b[36mpassword\x1b[0m=\x1b[35mcanary\x1b[0m",
    ],
)
def test_what_follows_the_name_of_a_secret_is_left_out(line):
    shown = without_secrets(None, "", line)
    assert shown == line.replace("Bearer canary", "canary").replace("canary", "…")


@pytest.mark.parametrize(
    "line", ["Name or password is wrong", "order.submit.rejected key=7", "password reset for alice"]
)
def test_ordinary_lines_stay_as_they_are(line):
    assert without_secrets(None, "", line) == line
