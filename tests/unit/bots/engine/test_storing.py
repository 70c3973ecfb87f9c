"""What is stored of evaluations and what is left out: together they are all of them, exactly."""

from collections import Counter
from typing import Any

from bots.engine.symbol import SymbolWorker
from tests.benchmarks.engine import NOW, make_worker
from tests.unit.quant.market import session, walk

BOTS = 3


class Rows:
    """Takes evaluations that would be stored, and counts them with those left out before each."""

    written = 0

    def __init__(self) -> None:
        self.accounted: Counter[int] = Counter()

    def add(self, evaluation: Any, *, omitted: int, **_: Any) -> None:
        assert omitted >= 0
        self.accounted[evaluation.bot_id] += 1 + omitted


class Watcher:
    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()

    def evaluated(self, now_ns: int, bot: str, symbol: str, signal: float, confidence: float, code: int) -> None:
        self.seen[bot] += 1

    def decided(self, *_: Any) -> None: ...


async def watched_worker() -> tuple[SymbolWorker, Rows, Watcher]:
    worker = await make_worker(BOTS, walk(60))
    rows, watcher = Rows(), Watcher()
    worker._desk.signals, worker._desk.observer = rows, watcher  # type: ignore[assignment]
    return worker, rows, watcher


async def play(worker: SymbolWorker, *, rebuild_every: int = 0) -> None:
    for i, event in enumerate(session(20, start=NOW, price=walk(60)[-1].close)):
        await worker.step(event, event.ts_init)
        await worker.tell(event.ts_init)
        if rebuild_every and i % rebuild_every == 0:
            await worker.rebuild()


def accounted(worker: SymbolWorker, rows: Rows) -> dict[str, int]:
    waiting = worker.seats.omitted.tolist()
    return {f"Bot {number}": rows.accounted[number] + waiting[number - 1] for number in range(1, BOTS + 1)}


async def test_stored_and_omitted_evaluations_are_all_evaluations() -> None:
    worker, rows, watcher = await watched_worker()
    await play(worker)
    assert sum(watcher.seen.values()) > 100
    assert accounted(worker, rows) == dict(watcher.seen)


async def test_changed_settings_of_one_bot_do_not_lose_the_counts_of_others() -> None:
    worker, rows, watcher = await watched_worker()
    await play(worker, rebuild_every=7)
    assert accounted(worker, rows) == dict(watcher.seen)
