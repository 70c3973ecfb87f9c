"""Each example as a person would start it, against the simulated exchange over real sockets."""

import re
import subprocess
import sys
from pathlib import Path

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
