"""A recorded session through everything: exchange, socket, feed, channel layer, engine, database, each a process."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from bots.models import Decision, Fill, Order, Position, Signal, Trade
from bots.trading.orders import TERMINAL_STATES
from bots.trading.vocabulary import OrderState
from marketdata.cache import LatestSnapshot, latest_snapshot
from marketdata.models import BarRow, FeedStatus
from marketdata.replay import read_capture
from tests.integration.system.commands import Commands
from tests.integration.system.people import EVERY_FIVE_SECONDS, EVERY_MINUTE, EVERY_TICK, Trader
from tests.simulator_fixture import Simulator, running_simulator
from tests.unit.marketdata.cast import BTC_CAPTURE, needs_captures

SYMBOL = "BTC/USDT"
COUNTED_AS = {"trade": "in.trade", "bookTicker": "in.quote", "depth@100ms": "in.delta"}
RESTING = {OrderState.OPEN, OrderState.PARTIAL}


@pytest.fixture
def exchange(tmp_path: Path) -> Iterator[Simulator]:
    arguments = ("--replay", str(BTC_CAPTURE), "--speed", "10", "--start-on-connect", "false")
    with running_simulator(*arguments, ledger=tmp_path / "exchange") as running:
        yield running


def replay_state(exchange: Simulator) -> dict[str, Any]:
    state: dict[str, Any] = httpx.get(f"{exchange.rest_url}/sim/replay").raise_for_status().json()
    return state


def rebuilt_book(update_id: int) -> dict[str, dict[float, float]]:
    """The recording's book at an update, by dictionaries alone."""
    frames = [frame.payload for frame in read_capture(BTC_CAPTURE)]
    snapshot = next(json.loads(frame) for frame in frames if frame.startswith(b'{"lastUpdateId"'))
    book = {side: {float(price): float(size) for price, size in snapshot[side]} for side in ("bids", "asks")}
    for delta in (json.loads(frame)["data"] for frame in frames if b"@depth" in frame[:40]):
        if snapshot["lastUpdateId"] < delta["u"] <= update_id:
            for short, side in (("b", "bids"), ("a", "asks")):
                book[side].update({float(price): float(size) for price, size in delta[short]})
    return {side: {price: size for price, size in levels.items() if size} for side, levels in book.items()}


@needs_captures
@pytest.mark.slow
@pytest.mark.alone
def test_a_recorded_session_is_traded_and_every_frame_accounted_for(
    exchange: Simulator, commands: Commands, alice: Trader
) -> None:
    alice.exchange.clock = "stream"
    alice.exchange.save()
    for name, settings in (("Ticks", EVERY_TICK), ("Fives", EVERY_FIVE_SECONDS), ("Minutes", EVERY_MINUTE)):
        alice.start(name, [SYMBOL], **settings)
    engine = commands.manage("runbots", "--json", SIMULATOR_URL=exchange.rest_url)
    feed = commands.manage("runfeed", "--json", SIMULATOR_URL=exchange.rest_url)
    engine.until(lambda: engine.said.count("bot taken") == 3)
    feed.until(lambda: feed.events("connected") and BarRow.objects.filter(timeframe="1m").count() > 100)
    httpx.post(f"{exchange.rest_url}/sim/replay/start", json={}).raise_for_status()

    feed.until(lambda: replay_state(exchange)["state"] == "finished", timeout_s=180)
    sent = replay_state(exchange)["frames_sent"]
    feed.until(lambda: FeedStatus.objects.get().messages >= sum(sent.values()))
    book = latest_snapshot("simulated", SYMBOL)
    assert feed.finish() == 0, feed.said
    assert engine.finish() == 0, engine.said

    (heard,), (done,) = feed.events("stopped"), engine.events("stopped")
    print(json.dumps({"feed": heard, "engine": done}))
    look_at_the_frames(sent, heard)
    look_at_the_book(book)
    look_at_the_engine(done, heard)
    look_at_the_ledger(commands)


def look_at_the_frames(sent: dict[str, int], heard: dict[str, Any]) -> None:
    counts = heard["symbols"][SYMBOL]["counts"]
    assert sent == {"depth@100ms": 3_451, "bookTicker": 28_040, "trade": 9_757}
    assert {kind: counts[COUNTED_AS[kind]] for kind in sent} == sent
    # REST may have been asked while the recording waited for its start, and is ahead of its first quotes then.
    late = counts.get("rejected.out of order", 0)
    assert not [name for name in counts if name.startswith("rejected.") and name != "rejected.out of order"], counts
    assert late < 100
    assert heard["frames"].get("malformed", 0) == 0
    assert heard["frames"].get("unfollowed", 0) == 0
    assert heard["dropped"] == 0
    # Everything that was not rejected went on, and everything that went on was published, with word of stored bars.
    assert counts["out.trade"] == sent["trade"]
    assert abs(counts["out.quote"] - sent["bookTicker"]) <= max(late, 10)
    went_on = sum(count for name, count in counts.items() if name.startswith("out."))
    assert heard["published"] == went_on + heard["frames"]["history_told"]
    symbol = heard["symbols"][SYMBOL]
    assert (symbol["gaps"], symbol["reconnects"]) == (0, 0)


def look_at_the_book(snapshot: LatestSnapshot | None) -> None:
    assert snapshot is not None
    assert snapshot.book is not None
    expected = rebuilt_book(snapshot.book.update_id)
    assert expected == rebuilt_book(10**18), "the feed's last book is not the recording's last"
    assert snapshot.book.bids == tuple(sorted(expected["bids"].items(), reverse=True)[:20])
    assert snapshot.book.asks == tuple(sorted(expected["asks"].items())[:20])


def look_at_the_engine(done: dict[str, Any], heard: dict[str, Any]) -> None:
    assert done["bots"] == 3
    assert done["missed"] == 0, done
    assert done["dropped"] == 0, done
    assert done["database_error"] == ""
    assert done["batches"] <= heard["symbols"][SYMBOL]["batches"]
    # The newest quote replaces one that waits; prints and closed bars never give way.
    assert done["overflow"] == 0, done
    assert done["signals"] > 0
    assert done["decisions"] > 0


def look_at_the_ledger(commands: Commands) -> None:
    assert {row["source"] for row in Signal.objects.values("source")} == {"technical", "quant", "combined"}
    assert Decision.objects.filter(verdict="approved").exists()
    assert Order.objects.filter(state="filled").count() > 10
    assert Fill.objects.count() > 10
    assert Trade.objects.exists()
    unsettled = Order.objects.exclude(state__in=TERMINAL_STATES | RESTING)
    assert not unsettled.exists(), list(unsettled.values())
    assert {position.bot.name for position in Position.objects.select_related("bot")} >= {"Ticks", "Fives"}
    checked = commands.run("checkledger")
    assert checked.returncode == 0, checked.stdout
