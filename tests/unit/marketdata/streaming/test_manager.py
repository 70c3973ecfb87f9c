import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from marketdata.streaming.credentials import credentials_from
from marketdata.streams import UnknownExchange, WebSocketClient, WebSocketManager

ROOT = Path(__file__).resolve().parents[4]


def test_keys_come_from_the_environment() -> None:
    environment = {
        "KUCOINFUTURES_API_KEY": "k", "KUCOINFUTURES_SECRET": "s", "KUCOINFUTURES_PASSPHRASE": "p",
        "BINGX_API_KEY": "b", "BINGX_API_SECRET": "t",
    }  # fmt: skip
    assert credentials_from(environment, "kucoinfutures") == {"apiKey": "k", "secret": "s", "password": "p"}
    assert credentials_from(environment, "bingx") == {"apiKey": "b", "secret": "t"}
    assert credentials_from(environment, "okx") is None


async def test_without_names_there_are_kucoin_futures_and_bingx(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BINGX_API_KEY", "from the environment")
    manager = WebSocketManager()
    assert list(manager.clients) == ["kucoinfutures", "bingx"]
    assert manager.clients["bingx"]._creds == {"apiKey": "from the environment"}
    assert manager.get_stream_status()["total_streams"] == 0
    await manager.run_streams(duration=1)
    await manager.close()


async def test_names_and_keys_may_be_given() -> None:
    manager = WebSocketManager({"BingX": {"apiKey": "given"}, "KuCoinFutures": None})
    assert sorted(manager.clients) == ["bingx", "kucoinfutures"]
    assert manager.clients["bingx"]._creds == {"apiKey": "given"}
    await manager.close()


async def test_an_unknown_exchange_is_a_clear_error() -> None:
    with pytest.raises(UnknownExchange, match=r"no exchange called 'bingy'.*Did you mean bingx"):
        WebSocketManager(["bingy"])
    manager = WebSocketManager([])
    with pytest.raises(UnknownExchange, match="krakn"):
        await manager.stream_tickers({"krakn": ["BTC/USDT"]})
    assert manager.get_stream_status()["total_streams"] == 0


async def test_what_was_never_opened_closes() -> None:
    client = WebSocketClient("bingx")
    client.stop()
    await asyncio.wait_for(client.close(), 1)


def test_a_script_needs_no_settings() -> None:
    script = (
        "import sys; from marketdata.streams import WebSocketClient, WebSocketManager, StreamDataCollector; "
        "WebSocketManager(); print('django' in sys.modules)"
    )
    environment = {"PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, env=environment, timeout=60
    )
    assert done.stdout.strip() == "False", done.stderr
