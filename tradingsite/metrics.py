"""`/metrics` of the site: what all processes wrote down, for Prometheus on this machine or with a token."""

import hmac
from collections.abc import Iterator
from ipaddress import ip_address

from django.conf import settings
from django.db import Error as DatabaseError
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from bots.metrics import trading_families
from marketdata.metrics import stored_families
from quant.remote.metrics import remote_families

# Behind a proxy on this machine everybody seems to be at home: what it adds tells.
FORWARDED = (
    "HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_HOST", "HTTP_X_FORWARDED_PROTO", "HTTP_X_REAL_IP", "HTTP_FORWARDED",
    "HTTP_VIA",
)  # fmt: skip
DENIED = "Only from this machine, or with METRICS_TOKEN as a bearer token.\n"


class Stored(Collector):
    """Reads the database each time it is asked."""

    def describe(self) -> Iterator[Metric]:
        """Nothing: it would need the database when the process starts."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        yield from stored_families(now=timezone.now())
        yield from trading_families()
        yield from remote_families()


REGISTRY = CollectorRegistry(auto_describe=False)
REGISTRY.register(Stored())
ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)
GCCollector(registry=REGISTRY)


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """403 for who may not read it, 503 while the database is away."""
    if not may_read(request):
        return HttpResponse(DENIED, status=403, content_type="text/plain; charset=utf-8")
    try:
        body = generate_latest(REGISTRY)
    except DatabaseError as error:
        text = f"the database does not answer ({type(error).__name__})\n"
        return HttpResponse(text, status=503, content_type="text/plain; charset=utf-8")
    return HttpResponse(body, content_type=CONTENT_TYPE_LATEST)


def may_read(request: HttpRequest) -> bool:
    """Whether it comes from this machine itself, or brings the token."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    wanted = settings.METRICS_TOKEN
    if wanted and scheme.lower() == "bearer" and hmac.compare_digest(token.strip().encode(), wanted.encode()):
        return True
    return is_loopback(request.META.get("REMOTE_ADDR", "")) and not any(name in request.META for name in FORWARDED)


def is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False
