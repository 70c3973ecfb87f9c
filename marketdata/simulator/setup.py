"""What kind of venue runs: synthetic markets by the clock, or a recorded capture."""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from marketdata.simulator.capture import Capture, Snapshot, read_capture
from marketdata.simulator.fault_catalog import Fault
from marketdata.simulator.faults import Faults
from marketdata.simulator.fees import Fees
from marketdata.simulator.hub import Hub
from marketdata.simulator.ledger import Ledger
from marketdata.simulator.market import DAY_MS, Market
from marketdata.simulator.options import Options
from marketdata.simulator.player import Player, ReplayClock
from marketdata.simulator.public_side import Clock, WallClock
from marketdata.simulator.pump import Pump
from marketdata.simulator.replay_market import ReplayMarket
from marketdata.simulator.synthetic import SyntheticMarket
from marketdata.simulator.venue import Venue


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """A venue and what drives it."""

    venue: Venue
    runners: Sequence[Callable[[], Awaitable[None]]]
    listed_ms: int = 0
    player: Player | None = None


def build(options: Options, *, ledger: Ledger, hub: Hub, faults: Faults) -> Setup:
    """Raises CaptureError when the recording cannot be played."""
    if options.replay is not None:
        return _replay(options, read_capture(options.replay), ledger=ledger, hub=hub, faults=faults)
    return _synthetic(options, ledger=ledger, hub=hub, faults=faults)


def _venue(
    options: Options, markets: Mapping[str, Market], clock: Clock, ledger: Ledger, hub: Hub, faults: Faults
) -> Venue:
    return Venue(
        markets=markets,
        ledger=ledger,
        clock=clock,
        faults=faults,
        hub=hub,
        fees=Fees(maker_bps=options.fee_bps, taker_bps=options.fee_bps),
        weight_per_minute=options.weight_per_minute,
    )


def _synthetic(options: Options, *, ledger: Ledger, hub: Hub, faults: Faults) -> Setup:
    clock = WallClock(faults)
    now_ms = clock.now_ms()
    # The first start lists the markets; later ones keep their history's beginning.
    listed_ms = int(ledger.fact("listed_ms", str((now_ms // DAY_MS - options.history_days) * DAY_MS)))
    markets = {
        spec.id: SyntheticMarket(spec, seed=options.seed, rate=options.rate, listed_ms=listed_ms, now_ms=now_ms)
        for spec in options.symbols
    }
    venue = _venue(options, markets, clock, ledger, hub, faults)
    pumps = [
        Pump(market, hub=hub, engine=venue.engine, now_ms=clock.now_ms, stands_still=still(faults))
        for market in markets.values()
    ]
    return Setup(venue=venue, runners=[venue.past.run, *(pump.run for pump in pumps)], listed_ms=listed_ms)


def still(faults: Faults) -> Callable[[], bool]:
    """Whether the markets stand still."""
    return lambda: faults.lasting(Fault.STAND_STILL, time.monotonic()) is not None


def _replay(options: Options, capture: Capture, *, ledger: Ledger, hub: Hub, faults: Faults) -> Setup:
    clock = ReplayClock(capture)
    symbols = sorted({stream.split("@", 1)[0].upper() for stream in capture.streams})
    markets = {
        symbol: ReplayMarket(
            symbol, capture, snapshot=_snapshot_of(capture, symbols), seed=options.seed, rate=options.rate
        )
        for symbol in symbols
    }
    venue = _venue(options, markets, clock, ledger, hub, faults)
    player = Player(
        capture,
        markets=markets,
        clock=clock,
        hub=hub,
        engine=venue.engine,
        speed=options.speed,
        start_on_connect=options.start_on_connect,
        repeat=options.repeat,
        stands_still=still(faults),
    )
    return Setup(venue=venue, runners=[venue.past.run, player.run], player=player)


def _snapshot_of(capture: Capture, symbols: list[str]) -> Snapshot | None:
    """The snapshot names no symbol, so it is used only where it can mean one."""
    return capture.snapshot if len(symbols) == 1 else None
