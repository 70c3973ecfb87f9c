"""A Hearer that keeps everything it hears, in order."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from marketdata.exchanges.adapter import Listing
from marketdata.exchanges.catalog import get_adapter
from marketdata.feed.source import Hearer, Source
from marketdata.recording.source import ReplaySource
from tests.patience import PATIENCE_S
from tests.unit.marketdata.recording.cast import LISTING


class Heard:
    def __init__(self) -> None:
        self.all: list[tuple[str, Any]] = []
        self.failures: list[BaseException] = []
        self.hearer = Hearer(
            take=lambda events: self.all.append(("take", list(events))),
            malformed=lambda message, ts_init: self.all.append(("malformed", ts_init)),
            frame=lambda payload, ts_init, socket: self.all.append(("frame", payload)),
            up=lambda symbols, health: self.all.append(("up", list(symbols))),
            down=lambda symbols, reason, health: self.all.append(("down", (list(symbols), reason))),
            handover=lambda symbols: self.all.append(("handover", list(symbols))),
            refused=lambda symbol, error: self.all.append(("refused", symbol)),
            not_allowed=lambda message: self.all.append(("not_allowed", message)),
            note=lambda kind, message: self.all.append((kind, message)),
            fail=self.failures.append,
            pace=self._pace,
        )

    async def _pace(self) -> None:
        await asyncio.sleep(0)

    @property
    def kinds(self) -> list[str]:
        return [kind for kind, _ in self.all]

    @property
    def events(self) -> list[Any]:
        return [event for kind, events in self.all if kind == "take" for event in events]


async def play(
    path: Path,
    *,
    speed: float = 0,
    listings: Mapping[str, Listing] | None = None,
    add: tuple[str, ...] = ("BTC/USDT",),
    **options: Any,
) -> tuple[Heard, ReplaySource]:
    """Replay to the end."""
    heard = Heard()
    source = ReplaySource(
        path,
        adapter=get_adapter("binance"),
        exchange="simulated",
        symbols={"BTCUSDT": "BTC/USDT"},
        listings=listings if listings is not None else {"BTC/USDT": LISTING},
        hearer=heard.hearer,
        speed=speed,
        **options,
    )
    as_feed_sees_it: Source = source
    for symbol in add:
        as_feed_sees_it.add(symbol, symbol.replace("/", ""))
    async with asyncio.timeout(PATIENCE_S):
        await source.ended.wait()
    await source.close()
    assert heard.failures == []
    return heard, source
