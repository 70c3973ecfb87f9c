"""How the remote servers are, for Prometheus."""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from redis import RedisError

from quant.remote.breaker import Circuit
from quant.remote.status import read_health
from quant.remote.transport import Health


def remote_families() -> Iterator[Metric]:
    """Metrics of the services that an engine asks; none while Redis is away."""
    try:
        healths = read_health()
    except RedisError:
        return
    yield from families_of(healths)


def families_of(healths: list[Health]) -> Iterator[Metric]:
    up = GaugeMetricFamily(
        "remote_service_up", "1 where the last call gave an answer that was believed.", labels=["service"]
    )
    shut = GaugeMetricFamily("remote_service_circuit_open", "1 while the service is left alone.", labels=["service"])
    latency = GaugeMetricFamily("remote_service_latency_seconds", "Of answers, as usual.", labels=["service"])
    calls = CounterMetricFamily("remote_service_calls", "Calls since the engine started.", labels=["service"])
    failures = CounterMetricFamily("remote_service_failures", "Calls without an answer to believe.", labels=["service"])
    for health in healths:
        labels = [health.service]
        up.add_metric(labels, float(health.answered_ns is not None and not health.reason))
        shut.add_metric(labels, float(health.circuit == Circuit.OPEN))
        if health.usual_latency_ms is not None:
            latency.add_metric(labels, health.usual_latency_ms / 1000)
        calls.add_metric(labels, health.calls)
        failures.add_metric(labels, health.failures)
    yield from (up, shut, latency, calls, failures)
