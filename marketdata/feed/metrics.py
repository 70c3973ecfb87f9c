"""What this feed process tells Prometheus, read from its services when it is asked: nothing is counted twice."""

import asyncio
from collections.abc import Callable, Iterator, Sequence

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from marketdata.feed.presence import leader_of
from marketdata.feed.service import FeedService
from marketdata.feed.table import tick_age_s
from marketdata.metrics import SymbolFigures, VenueFigures, symbol_families, venue_families


class FeedCollector(Collector):
    """Collects from the services as they are then. Call it in the loop's own thread, where they change."""

    def __init__(self, services: Callable[[], Sequence[FeedService]]) -> None:
        self._services = services

    def describe(self) -> Iterator[Metric]:
        """Nothing: the names do not depend on it, and asking would need a running feed."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        services = self._services()
        yield from symbol_families([figures for service in services for figures in _symbols(service)])
        yield from venue_families(_venue(service) for service in services)
        yield GaugeMetricFamily("feed_asyncio_tasks", "Tasks of the event loop.", value=len(asyncio.all_tasks()))


def registry_of(services: Callable[[], Sequence[FeedService]]) -> CollectorRegistry:
    """All that this process tells: its feeds, its memory and processor, Python's garbage collector."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(FeedCollector(services))
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return registry


def exposition(registry: CollectorRegistry) -> bytes:
    return generate_latest(registry)


def _symbols(service: FeedService) -> Iterator[SymbolFigures]:
    feed = service.feed
    if feed is None or service.is_standby:
        return
    now_ns = feed.now_ns()
    for item in feed.followed.values():
        yield SymbolFigures(
            exchange=service.config.exchange,
            symbol=item.symbol,
            state=item.stream.state,
            tick_age_s=tick_age_s(item, now_ns),
            lag_p50_ms=item.lag_ms(0.5),
            lag_p95_ms=item.lag_ms(0.95),
            messages=item.messages,
            gaps=item.stream.gaps,
            reconnects=item.reconnects,
            rejected=item.rejected,
        )


def _venue(service: FeedService) -> VenueFigures:
    return VenueFigures(
        exchange=service.config.exchange,
        leads=service.is_leading,
        unknown_symbols=len(service.feed.unknown) if service.feed is not None and not service.is_standby else 0,
        leader=leader_of(service) if service.is_leading else None,
    )
