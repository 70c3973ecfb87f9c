"""What a person may do wrong, and what they are told: what it was, and what to do. Nothing is lost or half written."""

import gzip
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from bots.models import Bot, Order
from bots.orders.checks import broken_invariants
from tests.integration.system.commands import Commands
from tests.integration.system.people import EVERY_TICK, Trader
from tests.simulator_fixture import running_simulator, start_simulator
from tests.unit.marketdata.cast import BTC_CAPTURE, needs_captures
from tradingsite.servers.children import free_port

NO_DATABASE = "postgres://nobody:secret-word@127.0.0.1:9/none"


@pytest.fixture
def bot(alice: Trader) -> Bot:
    return alice.start("Ticks", ["BTC/USDT"], **EVERY_TICK)


@pytest.mark.django_db
@pytest.mark.parametrize("header", ["Token 0123456789abcdef", "Token", "Token a b"])
def test_a_wrong_token_is_told_where_to_get_one(client: Any, header: str) -> None:
    answer = client.get("/api/v1/bots", headers={"Authorization": header})
    assert (answer.status_code, answer["Content-Type"]) == (401, "application/problem+json")
    assert answer["WWW-Authenticate"] == "Token"
    assert "POST /api/v1/auth/token" in answer.json()["detail"]


def test_the_exchange_refuses_a_key_it_does_not_know(tmp_path: Path) -> None:
    with running_simulator("--symbols", "BTC/USDT", ledger=tmp_path) as exchange:
        answer = httpx.get(
            f"{exchange.rest_url}/api/v3/account?timestamp=1&signature=00", headers={"X-MBX-APIKEY": "x" * 64}
        )
    assert answer.status_code == 401
    assert answer.json() == {"code": -2015, "msg": "Invalid API-key, IP, or permissions for action."}


@needs_captures
def test_a_recording_cut_in_the_middle_is_told_after_what_there_was(
    commands: Commands, bot: Bot, tmp_path: Path
) -> None:
    cut = tmp_path / "cut.gz"
    cut.write_bytes((whole := BTC_CAPTURE.read_bytes())[: len(whole) // 30])
    done = commands.run("replay", str(cut), "--symbol", "BTC/USDT", "--bot", "Ticks")
    assert done.returncode == 6, done.stderr
    assert f"{cut} is cut after frame" in done.stderr
    assert "Copy the file again" in done.stderr
    assert "Traceback" not in done.stderr
    assert broken_invariants() == []
    assert not Order.objects.filter(state__in=("planned", "sending", "unknown", "open", "partial")).exists()
    assert not Bot.objects.exclude(pk=bot.pk).filter(state="running").exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"no recording\n", "not a gzip file"),
        (gzip.compress(b"no recording\n"), "line 1"),
        (None, "nothing.gz"),
    ],
    ids=["plain text", "other lines", "no file"],
)
def test_what_is_no_recording_is_named(
    commands: Commands, bot: Bot, tmp_path: Path, content: bytes | None, words: str
) -> None:
    path = tmp_path / "nothing.gz"
    if content is not None:
        path.write_bytes(content)
    done = commands.run("replay", str(path), "--symbol", "BTC/USDT", "--bot", "Ticks")
    assert done.returncode in (2, 6)
    assert str(path) in done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    with pytest.raises(RuntimeError, match=r"exit code 2") as refused:
        start_simulator("--replay", str(path), ledger=tmp_path / "exchange")
    assert str(path) in str(refused.value)
    assert "Traceback" not in str(refused.value)


def test_a_replay_of_a_symbol_nobody_knows_says_so(commands: Commands, bot: Bot) -> None:
    done = commands.run("replay", str(BTC_CAPTURE), "--symbol", "NO/SUCH", "--bot", "Ticks")
    assert done.returncode == 2
    assert "NO/SUCH is not an instrument of" in done.stderr


@pytest.mark.parametrize("command", ["runbots", "runfeed", "checkledger", "createdemo", "replay"])
def test_commands_without_a_database_say_what_to_check(commands: Commands, tmp_path: Path, command: str) -> None:
    arguments = (str(tmp_path / "any.gz"), "--symbol", "BTC/USDT", "--bot", "Ticks") if command == "replay" else ()
    done = commands.run(command, *arguments, DATABASE_URL=NO_DATABASE)
    assert done.returncode == 5, done.stderr
    assert "DATABASE_URL" in done.stderr
    assert "Traceback" not in done.stderr
    assert "secret-word" not in done.stderr + done.stdout


def test_commands_on_an_old_schema_say_how_to_renew_it(commands: Commands) -> None:
    empty = commands.env["DATABASE_URL"].rsplit("/", 1)[0] + "/postgres"
    for command in ("runbots", "runfeed", "checkledger"):
        done = commands.run(command, DATABASE_URL=empty)
        assert done.returncode == 5, done.stderr
        assert "manage.py migrate" in done.stderr
        assert "Traceback" not in done.stderr


def test_the_web_starts_without_a_database_and_names_it_when_asked(commands: Commands) -> None:
    port = free_port()
    web = commands.start("-m", "daphne", "-p", str(port), "tradingsite.asgi:application", DATABASE_URL=NO_DATABASE)

    def answered() -> httpx.Response | None:
        try:
            return httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=10)
        except httpx.ConnectError:
            return None

    ready = web.until(answered)
    assert ready.status_code == 503
    assert "database" in json.dumps(ready.json())
    assert "secret-word" not in ready.text
    assert httpx.get(f"http://127.0.0.1:{port}/livez").status_code == 200
    refused = httpx.get(
        f"http://127.0.0.1:{port}/api/v1/bots", headers={"Authorization": "Token 0123456789abcdef"}, timeout=20
    )
    assert refused.status_code == 503
    assert "try again" in refused.json()["detail"]
