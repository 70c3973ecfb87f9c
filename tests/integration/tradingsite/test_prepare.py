"""Bringing an installation up to date refuses what it would damage."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

PROJECT = Path(__file__).parents[3]


def prepare(folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    settings = connection.settings_dict
    user = f"{settings['USER']}:{settings['PASSWORD']}"
    url = f"postgres://{user}@{settings['HOST']}:{settings['PORT']}/{settings['NAME']}"
    return subprocess.run(
        [sys.executable, "-m", "tradingsite.local.prepare"],
        cwd=PROJECT, env=os.environ | {"DATABASE_URL": url, "LOCAL_DIR": str(folder)} | more,
        capture_output=True, text=True, timeout=90, check=False,
    )  # fmt: skip


@pytest.mark.django_db(transaction=True)
def test_a_schema_newer_than_the_code_is_named_and_left_alone(tmp_path):
    recorder = MigrationRecorder(connection)
    recorder.record_applied("bots", "9999_from_the_future")
    try:
        done = prepare(tmp_path)
    finally:
        recorder.record_unapplied("bots", "9999_from_the_future")
    assert done.returncode == 5
    assert "bots.9999_from_the_future" in done.stderr
    assert "newer version" in done.stderr


@pytest.mark.django_db(transaction=True)
def test_a_redis_that_does_not_answer_is_named_without_its_password(tmp_path):
    done = prepare(tmp_path, REDIS_URL="redis://:secret-word@127.0.0.1:1/0")
    assert done.returncode == 5
    assert "Redis at 127.0.0.1:1/0 does not answer" in done.stderr
    assert "secret-word" not in done.stderr


@pytest.mark.django_db(transaction=True)
def test_pages_are_collected_once_and_again_after_a_change(tmp_path):
    from bots.models import User

    User.objects.create_user("alice")  # an installation in use: no demo
    assert prepare(tmp_path, STATIC_HASHED="true").returncode == 0
    manifest = tmp_path / "static" / "staticfiles.json"
    first = manifest.stat().st_mtime_ns
    assert prepare(tmp_path, STATIC_HASHED="true").returncode == 0
    assert manifest.stat().st_mtime_ns == first
    (tmp_path / "static" / ".sources").write_text("of another version")
    assert prepare(tmp_path, STATIC_HASHED="true").returncode == 0
    assert manifest.stat().st_mtime_ns > first
