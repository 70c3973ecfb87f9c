"""What `testfeed` prints: lines and one that is rewritten for people, JSON lines for programs."""

import json
import sys
import time
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.text import Text

from marketdata.events import Bar
from marketdata.feed.price import Price
from marketdata.feed.trial import Summary, Verdict

_COLOURS = {"live": "green", "fallback": "yellow", "connecting": "yellow", "resyncing": "yellow", "closed": ""}


class JsonAudience:
    def event(self, kind: str, message: str) -> None:
        _line({"event": kind, "message": message})

    def price(self, price: Price) -> None:
        _line({"event": "price", **{name: getattr(price, name) for name in Price.__slots__}})

    def bar(self, bar: Bar) -> None:
        # A bar travels as an array, and is an object here.
        _line({"event": "bar", **{name: getattr(bar, name) for name in bar.__struct_fields__}})

    def end(self, summary: Summary) -> None:
        _line({"event": "summary", **summary.as_record()})


class TextAudience:
    """The price has a line that is rewritten; what happens scrolls above it."""

    def __init__(self, exchange: str, symbol: str) -> None:
        self._name = f"{symbol} on {exchange}"
        self._live = Live(console=Console(highlight=False), auto_refresh=False)
        self._live.start()

    def event(self, kind: str, message: str) -> None:
        self._say(Text.assemble((f"{_now()}  {kind.replace('_', ' ')}  ", "dim"), message))

    def price(self, price: Price) -> None:
        state = Text(price.state, style=_COLOURS.get(price.state, "red"))
        if price.last is None:
            line = Text.assemble(f"{self._name}  ", state, "  waiting for the first tick")
        else:
            spread = f"  {price.bid:,.10g} / {price.ask:,.10g}" if price.bid and price.ask else ""
            age = f"  {price.age_s:.1f} s old" if price.age_s is not None else ""
            line = Text.assemble(
                f"{self._name}  {price.last:,.10g}{spread}{age}  {price.messages:,} messages  ",
                state,
                f" {price.source}",
            )
        self._live.update(line, refresh=True)

    def bar(self, bar: Bar) -> None:
        opened = datetime.fromtimestamp(bar.ts_open / 1e9, tz=UTC)
        self._say(
            Text(
                f"{_now()}  bar {bar.timeframe} {opened:%H:%M}  open {bar.open:,.10g}  high {bar.high:,.10g}  "
                f"low {bar.low:,.10g}  close {bar.close:,.10g}  volume {bar.volume:,.6g}"
            )
        )

    def end(self, summary: Summary) -> None:
        self._live.update(Text(""), refresh=True)
        self._live.stop()
        console = self._live.console
        if summary.messages:
            lag = (
                ""
                if summary.lag_p50_ms is None
                else f", lag p50 {summary.lag_p50_ms:.0f} ms p95 {summary.lag_p95_ms:.0f} ms"
            )
            console.print(
                f"{summary.messages:,} messages in {summary.seconds:.0f} s ({summary.messages_per_s:,.1f}/s){lag}, "
                f"{summary.gaps} gaps, {summary.reconnects} reconnects, {summary.rejected} rejected, {summary.bars} bars"
            )
        console.print(
            Text("good" if summary.verdict is Verdict.FINE else summary.verdict.name.lower().replace("_", " "))
        )

    def _say(self, text: Text) -> None:
        self._live.console.print(text)


def _now() -> str:
    return time.strftime("%H:%M:%S", time.gmtime())


def _line(record: dict[str, Any]) -> None:
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    sys.stdout.write(json.dumps({"at": stamp, **record}) + "\n")
    sys.stdout.flush()
