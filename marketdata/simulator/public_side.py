"""What anyone may ask of a venue: its markets, its rules and its time, as its faults let them be seen."""

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

from marketdata.simulator.errors import unknown_symbol
from marketdata.simulator.fault_catalog import Fault
from marketdata.simulator.faults import Faults
from marketdata.simulator.hub import Hub
from marketdata.simulator.limits import Limits
from marketdata.simulator.listen_keys import ListenKeys
from marketdata.simulator.market import Market
from marketdata.simulator.past import Image, Past, image_of
from marketdata.simulator.symbols import SymbolSpec


class Clock(Protocol):
    """Tells the venue's time."""

    def now_ms(self) -> int: ...

    def signature_now_ms(self, timestamp_ms: int) -> int:
        """The time a signed timestamp is judged by."""
        ...


class WallClock:
    """The time of day, plus a skew while that fault lasts."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults

    def now_ms(self) -> int:
        skew = self._faults.lasting(Fault.CLOCK_SKEW, time.monotonic())
        return time.time_ns() // 1_000_000 + (skew.milliseconds if skew else 0)

    def signature_now_ms(self, timestamp_ms: int) -> int:
        return self.now_ms()


class PublicSide:
    """The markets of one kind, and who listens to them."""

    def __init__(
        self, *, markets: Mapping[str, Market], clock: Clock, faults: Faults, hub: Hub, weight_per_minute: int
    ) -> None:
        self.markets = markets
        self.clock = clock
        self.faults = faults
        self.hub = hub
        self.limits = Limits(weight_per_minute=weight_per_minute)
        self.listen_keys = ListenKeys(hub)
        self.past = Past(markets)

    def market(self, symbol: str) -> Market:
        """Raises -1121 for a symbol that is not listed."""
        if symbol not in self.markets or not self.is_listed(symbol):
            raise unknown_symbol()
        return self.markets[symbol]

    def is_listed(self, symbol: str) -> bool:
        return self.faults.lasting(Fault.DELIST, time.monotonic(), symbol=symbol) is None

    def rules(self, symbol: str) -> SymbolSpec:
        """The trading rules as they are now."""
        spec = self.markets[symbol].spec
        change = self.faults.lasting(Fault.LISTING_CHANGE, time.monotonic(), symbol=symbol)
        if change is None:
            return spec
        name = "min_notional" if change.kind == "notional" else change.kind
        return replace(spec, **{name: max(1, round(getattr(spec, name) * change.factor))})

    def trading_status(self, symbol: str) -> str:
        """As exchangeInfo words it."""
        halt = self.faults.lasting(Fault.HALT_TRADING, time.monotonic(), symbol=symbol)
        return "TRADING" if halt is None else "BREAK" if halt.kind == "closed" else "HALT"

    def late_ms(self, symbol: str) -> int:
        """How old REST's answers about a symbol are: zero but for a fault."""
        stale = self.faults.lasting(Fault.STALE_REST, time.monotonic(), symbol=symbol)
        return stale.milliseconds if stale else 0

    def shown(self, market: Market, *, limit: int, is_snapshot: bool = False) -> Image:
        """The market as REST shows it."""
        symbol, now_s = market.spec.id, time.monotonic()
        late_ms = self.late_ms(symbol)
        if is_snapshot:
            old = self.faults.strike(Fault.OLD_SNAPSHOT, symbol=symbol, now_s=now_s)
            late_ms = max(late_ms, old.milliseconds if old else 0)
        image = self.past.image(symbol, milliseconds=late_ms, now_s=now_s) if late_ms else None
        return image or image_of(market, limit=limit, now_s=now_s)
