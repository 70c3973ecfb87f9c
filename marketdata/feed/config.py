"""What a feed needs to know about its venue, read once when it starts."""

from dataclasses import dataclass, field

from django.conf import settings

from marketdata.connection import ConnectionSettings
from marketdata.credentials import load_credentials
from marketdata.exchanges.adapter import Adapter, Credentials, Endpoints
from marketdata.exchanges.catalog import get_adapter
from marketdata.models import Environment, Exchange
from marketdata.quality import QualityLimits


class FeedConfigError(ValueError):
    """The venue's settings cannot work, or there is no such venue."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedConfig:
    exchange_id: int
    exchange: str
    environment: str
    clock: str
    adapter: Adapter
    endpoints: Endpoints
    connection: ConnectionSettings
    failed_after: int
    use_websocket: bool = True
    second_source: str = ""
    divergence_bps: float = 100
    credentials: Credentials | None = field(default=None, repr=False)

    @property
    def quality(self) -> QualityLimits:
        """What counts as plausible at this venue."""
        return QualityLimits(max_skew_ns=int(self.adapter.max_skew_ms * 1e6))

    def closed_reason(self, now_ns: int) -> str:
        """Why the market is closed now, or "": silence is no fault then. The simulated one never closes."""
        if self.environment == Environment.SIMULATED or self.clock == "stream":
            return ""
        return self.adapter.closed_reason(now_ns)


def load_config(code: str) -> FeedConfig:
    """Read a venue's row. Raises FeedConfigError, which says what to do, and UnknownAdapter."""
    try:
        row = Exchange.objects.select_related("second_source").get(code=code)
    except Exchange.DoesNotExist:
        known = ", ".join(Exchange.objects.values_list("code", flat=True)) or "none yet"
        raise FeedConfigError(
            f"There is no exchange called {code!r}. Known exchanges: {known}. Add others in the admin, under Exchanges; "
            "`manage.py testfeed` tries one before."
        ) from None
    return make_config(row)


def make_config(row: Exchange) -> FeedConfig:
    """What a row says, stored or not. Raises FeedConfigError and UnknownAdapter."""
    adapter = get_adapter(row.adapter)
    endpoints = resolve_endpoints(row, adapter)
    return FeedConfig(
        exchange_id=row.pk,
        exchange=row.code,
        environment=row.environment,
        clock=row.clock,
        adapter=adapter,
        endpoints=endpoints,
        connection=ConnectionSettings(
            connect_timeout_s=row.connect_timeout_s,
            ping_interval_s=row.ping_interval_s,
            pong_timeout_s=row.pong_timeout_s,
            reconnect_max_s=row.reconnect_max_s,
            reconnect_jitter=row.reconnect_jitter,
            messages_per_s=adapter.limits.messages_per_s,
            answers_requests=adapter.limits.answers_requests,
            binary_requests=adapter.binary_requests,
            heartbeat=adapter.heartbeat,
        ),
        second_source=row.second_source.code if row.second_source is not None else "",
        divergence_bps=row.divergence_bps,
        credentials=load_credentials(row.code, row.adapter),
        failed_after=row.failed_after,
        use_websocket=settings.USE_WEBSOCKET,
    )


def resolve_endpoints(row: Exchange, adapter: Adapter) -> Endpoints:
    """The row's own addresses before those of the simulated exchange or of the venue."""
    if row.rest_url and row.websocket_url:
        return Endpoints(rest_url=row.rest_url, websocket_url=row.websocket_url)
    if row.environment == Environment.SIMULATED:
        # A dialect other than Binance's has a path of its own there.
        base = settings.SIMULATOR_URL.rstrip("/") + adapter.simulated_path
        default = Endpoints(rest_url=base, websocket_url="ws" + base.removeprefix("http"))
    else:
        try:
            default = adapter.endpoints(row.environment)
        except ValueError as error:
            raise FeedConfigError(str(error)) from None
    return Endpoints(
        rest_url=row.rest_url or default.rest_url, websocket_url=row.websocket_url or default.websocket_url
    )


def enabled_exchanges() -> list[str]:
    return list(Exchange.objects.filter(enabled=True).values_list("code", flat=True))
