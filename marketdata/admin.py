from typing import TYPE_CHECKING

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from marketdata.exchanges.adapter import VenueError
from marketdata.feed.config import FeedConfigError
from marketdata.models import Exchange, FeedEvent, FeedStatus, Instrument, Subscription
from marketdata.operations import sync_instruments

if TYPE_CHECKING:
    ExchangeBase = admin.ModelAdmin[Exchange]
    InstrumentBase = admin.ModelAdmin[Instrument]
    SubscriptionBase = admin.ModelAdmin[Subscription]
    FeedStatusBase = admin.ModelAdmin[FeedStatus]
    FeedEventBase = admin.ModelAdmin[FeedEvent]
else:
    # Django's own class takes no type arguments.
    ExchangeBase = InstrumentBase = SubscriptionBase = FeedStatusBase = FeedEventBase = admin.ModelAdmin


@admin.register(Exchange)
class ExchangeAdmin(ExchangeBase):
    list_display = ("name", "code", "adapter", "environment", "enabled", "clock")
    list_filter = ("environment", "enabled", "adapter")
    search_fields = ("code", "name")
    actions = ("refresh_instruments",)
    fieldsets = (
        (None, {"fields": ("name", "code", "adapter", "environment", "enabled", "clock")}),
        ("Addresses", {"fields": ("rest_url", "websocket_url")}),
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
    list_display = ("symbol", "exchange", "kind", "tick_size", "lot_size", "min_notional", "active")
    list_filter = ("exchange", "kind", "active", "quote")
    search_fields = ("symbol", "venue_symbol")
    list_select_related = ("exchange",)


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
