"""Remote servers as Prometheus sees them."""

from msgspec.structs import replace

from quant.remote.metrics import families_of
from quant.remote.transport import Health

WELL = Health(
    service="quant", address="http://q/signals", circuit="closed", reason="", calls=7, failures=2, skipped=0,
    in_a_row=0, latency_ms=10.0, usual_latency_ms=12.5, answered_ns=1, failed_ns=None,
)  # fmt: skip


def samples(*healths: Health) -> dict[tuple[str, str], float]:
    return {
        (sample.name, sample.labels["service"]): sample.value
        for family in families_of(list(healths))
        for sample in family.samples
    }


def test_each_service_has_its_figures():
    ill = replace(WELL, service="model", circuit="open", reason="status 500", answered_ns=None, usual_latency_ms=None)
    found = samples(WELL, ill)
    assert found["remote_service_up", "quant"] == 1
    assert found["remote_service_up", "model"] == 0
    assert found["remote_service_circuit_open", "model"] == 1
    assert found["remote_service_latency_seconds", "quant"] == 0.0125
    assert ("remote_service_latency_seconds", "model") not in found
    assert (found["remote_service_calls_total", "quant"], found["remote_service_failures_total", "quant"]) == (7, 2)
