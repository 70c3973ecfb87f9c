"""Each example as a person would start it, against the simulated exchange over real sockets."""

import json
import re
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import ClassVar

import pytest

from tests.simulator_fixture import Simulator

ROOT = Path(__file__).resolve().parents[3]
WARNINGS = ("Unclosed", "unclosed", "never retrieved", "Traceback", "requires to release")


def run_example(name: str, *arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-X", "dev", str(ROOT / "examples" / f"{name}.py"), *arguments],
        capture_output=True,
        text=True,
        timeout=90,
        cwd=cwd,
    )
    assert not [word for word in WARNINGS if word in done.stderr], done.stderr
    return done


def test_price_stream_prints_prices(market: Simulator, tmp_path: Path) -> None:
    done = run_example("price_stream", "--simulator", market.rest_url, "--duration", "8", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    prices = re.findall(r"^BTC/USDT ([\d.]+) \([+-][\d.]+ % in 24 h\)$", done.stdout, re.MULTILINE)
    assert len(prices) >= 2
    assert all(float(price) > 0 for price in prices)
    assert re.search(rf"^{len(prices)} updates in 8 s$", done.stdout, re.MULTILINE)


def test_price_stream_names_what_is_wrong(market: Simulator) -> None:
    done = run_example("price_stream", "--exchange", "binnance")
    assert done.returncode == 4
    assert "Did you mean binance" in done.stderr
    done = run_example("price_stream", "--simulator", market.rest_url, "--symbol", "NOPE/USDT")
    assert done.returncode == 4
    assert "NOPE/USDT" in done.stderr
    assert "Check the symbol's spelling" in done.stderr


@pytest.mark.parametrize("name", ["price_stream", "portfolio", "spread_monitor"])
def test_what_cannot_be_simulated_is_refused_and_no_real_venue_asked(market: Simulator, name: str) -> None:
    done = run_example(name, "--simulator", market.rest_url, "--exchange", "kucoin")
    assert done.returncode == 4
    assert "kucoin cannot be simulated, binance can: to stream the real kucoin, leave out --simulator" in done.stderr
    assert done.stdout == ""


def test_portfolio_adds_up(market: Simulator) -> None:
    done = run_example("portfolio", "--simulator", market.rest_url, "--duration", "8", "BTC/USDT=0.5", "ETH/USDT=4")
    assert done.returncode == 0, done.stderr
    lines = re.findall(r"BTC/USDT ([\d.,]+)  ETH/USDT ([\d.,]+)  total ([\d.,]+)", done.stdout)
    assert lines, done.stdout
    for btc, eth, total in ([float(figure.replace(",", "")) for figure in line] for line in lines):
        assert abs(btc + eth - total) < 0.02


def test_spread_monitor_shows_the_spread(market: Simulator) -> None:
    done = run_example("spread_monitor", "--simulator", market.rest_url, "--duration", "8")
    assert done.returncode == 0, done.stderr
    lines = re.findall(r"^binance: bid ([\d.]+) ask ([\d.]+) spread ([\d.]+) bps$", done.stdout, re.MULTILINE)
    assert lines, done.stdout
    for bid, ask, spread in ([float(figure) for figure in line] for line in lines):
        assert bid < ask
        assert abs((ask - bid) / ((ask + bid) / 2) * 10_000 - spread) < 0.006


def test_live_regime_tells_every_timeframe_and_all_together(market: Simulator) -> None:
    done = run_example("live_regime", "--simulator", market.rest_url, "--timeframes", "1m,5m,1h", "--duration", "8")
    assert done.returncode == 0, done.stderr
    state = r"(?:trend|range|neutral)(?: up| down)? since \d\d:\d\d UTC, volatility (?:low|normal|high|extreme)"
    for timeframe in ("1m", "5m"):
        assert re.search(rf"^BTC/USDT {timeframe} {state}, quality [01]\.\d\d; together ", done.stdout, re.MULTILINE), (
            done.stdout
        )
    # A day of hours is fewer bars than it takes.
    assert re.search(r"^BTC/USDT 1h not known yet \(\d+ bars, needs 100\)", done.stdout, re.MULTILINE), done.stdout
    assert done.stdout.endswith("ended after 8 s\n")


def test_live_regime_names_what_is_wrong(market: Simulator) -> None:
    done = run_example("live_regime", "--timeframes", "1m,7m")
    assert done.returncode == 2
    assert "up to 3 different ones of 1m, 3m" in done.stderr
    done = run_example("live_regime", "--simulator", market.rest_url, "--symbol", "NOPE/USDT", "--duration", "20")
    assert done.returncode == 4
    assert "Check the symbol's spelling" in done.stderr
    done = run_example("live_regime", "--site", "http://127.0.0.1:9", "--duration", "1")
    assert done.returncode == 4
    assert "http://127.0.0.1:9 does not answer as it should" in done.stderr


class Site(BaseHTTPRequestHandler):
    """GET /api/v1/market of a site that runs one of two exchanges' BTC/USDT."""

    asked: ClassVar[list[tuple[str, str]]] = []

    def do_GET(self) -> None:
        self.asked.append((self.path, self.headers["Authorization"]))
        regime = {
            "phase": "trend",
            "direction": -1.0,
            "volatility": "high",
            "quality": 0.75,
            "score": 0.8,
            "since": None,
        }
        rows = [
            {"exchange": "binance", "symbol": "BTC/USDT", "regime": regime},
            {"exchange": "kraken", "symbol": "BTC/USDT", "regime": None},
        ]
        body = json.dumps(rows).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        pass


def test_live_regime_of_a_running_site() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_address[1]}"
        done = run_example("live_regime", "--site", address, "--token", "secret", "--duration", "1")
        server.shutdown()
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "BTC/USDT on binance trend down, volatility high, quality 0.75",
        "BTC/USDT on kraken has no engine that runs it: start a bot on it",
    ]
    assert Site.asked == [("/api/v1/market?symbols=BTC%2FUSDT", "Token secret")]
