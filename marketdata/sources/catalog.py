"""The kinds of slow sources: who asks, and where."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from marketdata.models import Environment, SourceKind
from marketdata.sources.binance_futures.poller import BinanceFutures
from marketdata.sources.deribit.poller import Deribit
from marketdata.sources.fear_greed import FearGreed
from marketdata.sources.polling import Job, Surroundings
from marketdata.sources.rss.poller import Rss


class Poller(Protocol):
    """Asks one source."""

    def jobs(self) -> list[Job]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """`testnet` is empty where the source has none: it is the same for everyone. `simulated` is a path."""

    make: Callable[[Surroundings], Poller]
    live: str
    testnet: str
    simulated: str

    def url(self, environment: str, simulator_url: str) -> str:
        if environment == Environment.SIMULATED:
            return simulator_url.rstrip("/") + self.simulated
        return self.testnet or self.live if environment == Environment.TESTNET else self.live


KINDS: dict[str, Kind] = {
    SourceKind.BINANCE_FUTURES: Kind(
        make=BinanceFutures,
        live="https://fapi.binance.com",
        testnet="https://testnet.binancefuture.com",
        simulated="",
    ),
    SourceKind.DERIBIT: Kind(
        make=Deribit,
        live="https://www.deribit.com/api/v2",
        testnet="https://test.deribit.com/api/v2",
        simulated="/deribit/api/v2",
    ),
    SourceKind.FEAR_GREED: Kind(make=FearGreed, live="https://api.alternative.me", testnet="", simulated=""),
    SourceKind.RSS: Kind(make=Rss, live="", testnet="", simulated="/rss"),
}
