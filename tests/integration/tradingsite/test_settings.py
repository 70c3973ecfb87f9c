"""Settings out of range stop every command with a message that names variable, value and what is allowed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("PORT", "99999", "from 1 to 65535"),
        ("LEASE_TTL_S", "0", "from 1 to 300"),
        ("LOG_LEVEL", "LOUD", "one of DEBUG, INFO"),
    ],
)
def test_a_command_refuses_a_bad_setting(name, value, allowed, tmp_path):
    done = run(["check"], {name: value, "LOCAL_DIR": str(tmp_path)})
    assert done.returncode != 0
    assert f"{name}='{value}'" in done.stderr
    assert allowed in done.stderr


def test_help_needs_no_database(tmp_path):
    assert run(["status", "--help"], {"LOCAL_DIR": str(tmp_path)}).returncode == 0


def test_deployment_settings_have_no_warning(tmp_path):
    done = run(
        ["check", "--deploy", "--fail-level", "WARNING"],
        {"LOCAL_DIR": str(tmp_path), "SITE_URL": "https://example.org", "SECRET_KEY": os.urandom(40).hex()},
    )
    assert done.returncode == 0, done.stderr


def run(arguments: list[str], env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    clean = {key: value for key, value in os.environ.items() if key not in ("DATABASE_URL", "REDIS_URL")}
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=PROJECT, env=clean | env, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
