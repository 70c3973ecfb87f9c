from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, ClassVar

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet, URLField
from django.http import HttpRequest
from django.utils import timezone

from marketdata.exchanges.adapter import VenueError
from marketdata.feed.config import FeedConfigError
from marketdata.models import Exchange, FeedEvent, FeedStatus, Instrument, Observation, SlowSource, Subscription
from marketdata.operations import sync_instruments
from marketdata.queries import source_row
from marketdata.sources.probe import probe_source

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from django.db.models import Field

    ExchangeBase = admin.ModelAdmin[Exchange]
    InstrumentBase = admin.ModelAdmin[Instrument]
    SubscriptionBase = admin.ModelAdmin[Subscription]
    FeedStatusBase = admin.ModelAdmin[FeedStatus]
    FeedEventBase = admin.ModelAdmin[FeedEvent]
    SlowSourceBase = admin.ModelAdmin[SlowSource]
    ObservationBase = admin.ModelAdmin[Observation]
else:
    # Django's own class takes no type arguments.
    ExchangeBase = InstrumentBase = SubscriptionBase = FeedStatusBase = FeedEventBase = admin.ModelAdmin
    SlowSourceBase = ObservationBase = admin.ModelAdmin

# What an address without a scheme means.
_HTTPS: "Mapping[type[Field[Any, Any]], Mapping[str, Any]]" = {URLField: {"assume_scheme": "https"}}


class ExchangeForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        labels: ClassVar = {
            "rest_url": "REST address",
            "websocket_url": "WebSocket address",
            "divergence_bps": "Alarm from a difference of (bps)",
            "connect_timeout_s": "Connect timeout (s)",
            "ping_interval_s": "Ping interval (s)",
            "pong_timeout_s": "Pong timeout (s)",
            "reconnect_max_s": "Longest wait before a retry (s)",
            "reconnect_jitter": "Jitter of that wait",
            "failed_after": "Failed after so many failures",
        }


@admin.register(Exchange)
class ExchangeAdmin(ExchangeBase):
    form = ExchangeForm
    formfield_overrides = _HTTPS
    list_display = ("name", "code", "adapter", "environment", "enabled", "clock")
    list_filter = ("environment", "enabled", "adapter")
    search_fields = ("code", "name")
    actions = ("refresh_instruments",)
    fieldsets = (
        (None, {"fields": ("name", "code", "adapter", "environment", "enabled", "clock")}),
        ("Addresses", {"fields": ("rest_url", "websocket_url")}),
        ("Second source", {"fields": ("second_source", "divergence_bps")}),
        (
            "Connection",
            {
                "fields": (
                    "connect_timeout_s",
                    "ping_interval_s",
                    "pong_timeout_s",
                    "reconnect_max_s",
                    "reconnect_jitter",
                    "failed_after",
                )
            },
        ),
    )

    @admin.action(description="Fetch the list of instruments from the venue")
    def refresh_instruments(self, request: HttpRequest, queryset: QuerySet[Exchange]) -> None:
        for exchange in queryset:
            try:
                count = sync_instruments(exchange=exchange.code, now=timezone.now())
            except (VenueError, FeedConfigError) as error:
                self.message_user(request, f"{exchange}: {error}", messages.ERROR)
            else:
                self.message_user(request, f"{exchange}: {count} instruments.", messages.SUCCESS)


@admin.register(Instrument)
class InstrumentAdmin(InstrumentBase):
    list_display = ("symbol", "exchange", "kind", "tick", "lot", "least_notional", "active")
    list_filter = ("exchange", "kind", "active", "quote")
    search_fields = ("symbol", "venue_symbol")
    list_select_related = ("exchange",)

    @admin.display(description="tick size", ordering="tick_size")
    def tick(self, instrument: Instrument) -> str:
        return _plain(instrument.tick_size)

    @admin.display(description="lot size", ordering="lot_size")
    def lot(self, instrument: Instrument) -> str:
        return _plain(instrument.lot_size)

    @admin.display(description="min notional", ordering="min_notional")
    def least_notional(self, instrument: Instrument) -> str:
        return _plain(instrument.min_notional)


def _plain(value: Decimal) -> str:
    """Without zeros that carry no information."""
    return f"{value.normalize():f}"


@admin.register(Subscription)
class SubscriptionAdmin(SubscriptionBase):
    list_display = ("symbol", "exchange", "follower", "created_at")
    list_filter = ("exchange",)
    search_fields = ("symbol", "follower")
    list_select_related = ("exchange",)
    date_hierarchy = "created_at"


class WrittenByTheFeed:
    """Rows that only the feed writes: people look."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(FeedStatus)
class FeedStatusAdmin(WrittenByTheFeed, FeedStatusBase):
    list_display = (
        "symbol",
        "exchange",
        "state",
        "source",
        "last_price",
        "last_tick_at",
        "messages_per_s",
        "lag_p95_ms",
        "gaps",
        "reconnects",
        "rejected",
        "reason",
    )
    list_filter = ("state", "exchange", "source")
    search_fields = ("symbol",)
    list_select_related = ("exchange",)


@admin.register(FeedEvent)
class FeedEventAdmin(WrittenByTheFeed, FeedEventBase):
    list_display = ("at", "kind", "exchange", "symbol", "message")
    list_filter = ("kind", "exchange")
    search_fields = ("symbol", "message")
    list_select_related = ("exchange",)
    date_hierarchy = "at"


@admin.register(SlowSource)
class SlowSourceAdmin(SlowSourceBase):
    formfield_overrides = _HTTPS
    list_display = ("name", "kind", "environment", "enabled", "state_now", "reason_now", "last_success_at", "holder")
    list_filter = ("kind", "environment", "enabled", "state")
    search_fields = ("name", "url")
    readonly_fields = ("state_now", "reason_now", "last_success_at", "holder", "lease_expires_at", "updated_at")
    actions = ("ask_now",)
    fieldsets = (
        (None, {"fields": ("name", "kind", "environment", "enabled", "url")}),
        (
            "How it is",
            {"fields": ("state_now", "reason_now", "last_success_at", "holder", "lease_expires_at", "updated_at")},
        ),
    )

    @admin.display(description="state", ordering="state")
    def state_now(self, source: SlowSource) -> str:
        return source_row(source, timezone.now()).state

    @admin.display(description="reason", ordering="reason")
    def reason_now(self, source: SlowSource) -> str:
        return source_row(source, timezone.now()).reason

    @admin.action(description="Ask once now, without storing anything", permissions=["change"])
    def ask_now(self, request: HttpRequest, queryset: QuerySet[SlowSource]) -> None:
        for source in queryset:
            for job, found, problem in probe_source(source):
                level = messages.ERROR if problem else messages.SUCCESS
                self.message_user(request, f"{source}, {job}: {problem or f'{found} observations.'}", level)


@admin.register(Observation)
class ObservationAdmin(WrittenByTheFeed, ObservationBase):
    list_display = ("kind", "symbol", "key", "source", "time", "data")
    list_filter = ("kind", "source")
    search_fields = ("symbol",)
    ordering = ("-pk",)
    show_full_result_count = False

    @admin.display(description="time (UTC)")
    def time(self, observation: Observation) -> str:
        return f"{datetime.fromtimestamp(observation.ts_event / 1e9, tz=UTC):%Y-%m-%d %H:%M:%S}"
