"""`python -m marketdata.simulator`: the venue without Django."""

import argparse
import sys

import structlog

from marketdata.simulator.options import add_arguments, from_namespace
from marketdata.simulator.running import run
from marketdata.simulator.slow import HELP


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="runexchange", description=f"A simulated exchange speaking Binance's spot dialect. {HELP}"
    )
    add_arguments(parser)
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    return run(from_namespace(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
