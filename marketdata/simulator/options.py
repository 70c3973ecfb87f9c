"""The venue's settings, from any argparse parser."""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from marketdata.simulator.fault_catalog import help_text
from marketdata.simulator.faults import FaultError, Switch, read_switch
from marketdata.simulator.symbols import CATALOG, SymbolSpec, UnknownSymbolError, find_spec

DEFAULT_PORT = 8900
DEFAULT_LEDGER = Path(".local/exchange")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to run the venue."""

    port: int = DEFAULT_PORT
    seed: int = 1
    rate: int = 20
    symbols: tuple[SymbolSpec, ...] = tuple(CATALOG.values())
    ledger: Path = DEFAULT_LEDGER
    history_days: int = 30
    upstox_bar_seconds: int = 180
    fee_bps: int = 10
    weight_per_minute: int = 6000
    messages_per_s: int = 5
    ping_every_s: float = 20.0
    pong_within_s: float = 60.0
    cut_after_s: float = 86_400.0
    connections_per_5min: int = 300
    faults: tuple[Switch, ...] = ()
    replay: Path | None = None
    speed: float = 1.0
    repeat: bool = False
    start_on_connect: bool = True
    print_keys: bool = False
    json: bool = False


def _symbols(text: str) -> tuple[SymbolSpec, ...]:
    try:
        return tuple(find_spec(name) for name in text.split(",") if name.strip())
    except UnknownSymbolError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _fault(text: str) -> Switch:
    try:
        return read_switch(text)
    except FaultError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _between(low: float, high: float, kind: type[int] | type[float]) -> Callable[[str], float]:
    def read(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text} is not between {low:g} and {high:g}")
        return value

    return read


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare every option, and describe the faults below them."""
    parser.epilog = f"faults, with their settings and defaults:\n{help_text()}"
    parser.formatter_class = argparse.RawDescriptionHelpFormatter

    def number(name: str, default: float, low: float, high: float, text: str) -> None:
        kind: type[int] | type[float] = type(default)
        parser.add_argument(
            name, type=_between(low, high, kind), default=default, metavar="N", help=f"{text} ({default:g})"
        )

    number("--port", DEFAULT_PORT, 0, 65_535, "port on 127.0.0.1; 0 takes a free one and prints it as JSON")
    number("--seed", 1, 0, 2**63, "seed of the synthetic markets")
    number("--rate", 20, 1, 100, "ticks a second of each synthetic market")
    parser.add_argument(
        "--symbols",
        type=_symbols,
        default=tuple(CATALOG.values()),
        metavar="LIST",
        help=f"markets, as BASE/QUOTE with commas ({','.join(CATALOG)})",
    )
    parser.add_argument(
        "--ledger",
        type=Path,
        default=DEFAULT_LEDGER,
        metavar="DIR",
        help=f"folder of accounts, orders and trades; they survive a restart ({DEFAULT_LEDGER})",
    )
    number("--history-days", 30, 1, 365, "days of bars before the first start")
    number("--upstox-bar-seconds", 180, 3, 180, "seconds that three minutes of Upstox last")
    number("--fee-bps", 10, 0, 1000, "maker and taker fee, taken from what is received")
    number("--weight-per-minute", 6000, 1, 10**9, "request weight an address may use")
    number("--messages-per-s", 5, 1, 10**6, "messages a socket may send")
    number("--ping-every-s", 20.0, 0.01, 3600, "time between pings")
    number("--pong-within-s", 60.0, 0.01, 3600, "silence after which a socket is cut")
    number("--cut-after-s", 86_400.0, 0.1, 10**9, "age at which a socket is cut")
    number("--connections-per-5min", 300, 1, 10**6, "sockets an address may open in five minutes")
    parser.add_argument(
        "--fault",
        dest="faults",
        type=_fault,
        action="append",
        default=[],
        metavar="NAME[:KEY=VALUE,…]",
        help="switch a fault on from the start, or `after=N` seconds later; may be repeated. Faults are listed below; "
        "POST /sim/faults takes the same while the venue runs",
    )
    parser.add_argument(
        "--replay", type=Path, metavar="FILE", help="play a recorded capture instead of synthetic markets"
    )
    number("--speed", 1.0, 0, 10_000, "how many times faster than recorded; 0 as fast as readers take it")
    parser.add_argument("--repeat", action="store_true", help="play the recording again when it ends")
    parser.add_argument(
        "--start-on-connect",
        choices=("true", "false"),
        default="true",
        help="start playing when a reader subscribes, or wait for POST /sim/replay/start (true)",
    )
    parser.add_argument("--print-keys", action="store_true", help="print the demo account's API key and secret")
    parser.add_argument("--json", action="store_true", help="print the ready line as JSON")


def from_namespace(values: argparse.Namespace) -> Options:
    """Options from parsed arguments; other attributes are ignored."""
    names = Options.__dataclass_fields__
    chosen = {name: value for name, value in vars(values).items() if name in names}
    return Options(**chosen | {"start_on_connect": values.start_on_connect == "true", "faults": tuple(values.faults)})
