"""`manage.py replay`: what it prints, and what it says when it cannot."""

import gzip
import io
import json
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from bots.models import Bot, BotLease, BotState, Position
from bots.orders.checks import broken_invariants
from tests.integration.engine.test_engine import EAGER
from tests.integration.engine.test_replay import CAPTURE
from tests.integration.orders.cast import Cast, make_bot
from tests.unit.quant.market import recording

LINES = 4_000


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    """The recording's first half minute."""
    path = tmp_path / "short.gz"
    with gzip.open(recording(CAPTURE), "rb") as lines, gzip.open(path, "wb") as out:
        out.writelines(islice(lines, LINES))
    return path


def replay(*arguments: Any) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with pytest.raises(SystemExit) as stopped:
        call_command("replay", *map(str, arguments), stdout=out, stderr=err)
    return int(str(stopped.value.code)), out.getvalue(), err.getvalue()


def test_a_replay_reports_and_leaves_nothing_running(cast: Cast, capture: Path) -> None:
    make_bot(cast.account, [cast.btc], "Eager", **EAGER)
    code, out, _ = replay(capture, "--symbol", "BTC/USDT", "--bot", "Eager", "--json")
    report = json.loads(out)
    assert code == 0
    assert report["frames"] == LINES
    assert report["fills"] > 0
    copy = Bot.objects.get(pk=report["bot_ids"][0])
    assert copy.name.startswith("Replay ")
    assert copy.name.endswith(" Eager")
    assert copy.state == BotState.STOPPED
    assert copy.account_id != cast.account.pk
    assert BotLease.objects.get(bot=copy).holder == ""
    assert broken_invariants() == []


def test_a_capture_that_is_cut_says_where_and_leaves_whole_books(cast: Cast, capture: Path) -> None:
    make_bot(cast.account, [cast.btc], "Eager", **EAGER)
    capture.write_bytes(capture.read_bytes()[:-2_000])
    code, _, err = replay(capture, "--symbol", "BTC/USDT", "--bot", "Eager")
    assert code == 6
    assert "is cut after frame" in err
    assert not Position.objects.filter(closed_at=None).exists()
    assert broken_invariants() == []


@pytest.mark.parametrize(
    ("symbol", "bot", "words"),
    [
        ("BTC/USDT", "Nobody", "There is no bot called 'Nobody'; there are: Follower."),
        ("XYZ/USDT", "Follower", "XYZ/USDT is not an instrument of"),
        ("ETH/USDT", "Follower", "has no price of ETH/USDT"),
    ],
)
def test_what_there_is_not_is_named(cast: Cast, capture: Path, symbol: str, bot: str, words: str) -> None:
    code, _, err = replay(capture, "--symbol", symbol, "--bot", bot)
    assert code == 2
    assert words in err


def test_without_a_bot_it_says_how_to_name_one(cast: Cast, capture: Path) -> None:
    code, _, err = replay(capture, "--symbol", "BTC/USDT")
    assert code == 2
    assert "--bot" in err


def test_a_missing_file_is_named(cast: Cast, tmp_path: Path) -> None:
    code, _, err = replay(tmp_path / "none.gz", "--symbol", "BTC/USDT", "--bot", "Follower")
    assert code == 2
    assert "none.gz" in err
