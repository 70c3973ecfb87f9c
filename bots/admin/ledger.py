"""Ledgers in the admin: read only, for everybody."""

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html

from bots.admin.owned import ReadOnlyAdmin, ReadOnlyInline
from bots.models import (
    AuditEntry,
    Decision,
    Fill,
    Intent,
    Order,
    OrderEvent,
    PerformanceSnapshot,
    Position,
    Signal,
    Trade,
)

ROW = ("bot", "instrument__exchange")


class OrderEventInline(ReadOnlyInline):
    model = OrderEvent
    fields = ("at", "from_state", "to_state", "evidence")
    readonly_fields = fields


class FillInline(ReadOnlyInline):
    model = Fill
    fields = ("created_at", "side", "quantity", "price", "fee", "fee_asset", "is_maker", "trade_id")
    readonly_fields = fields


@admin.register(Order)
class OrderAdmin(ReadOnlyAdmin):
    list_display = (
        "created_at", "bot", "instrument", "side", "purpose", "quantity", "filled_quantity", "average_price", "state",
        "error", "trace",
    )  # fmt: skip
    list_filter = ("state", "side", "intent__purpose", "created_at")
    list_select_related = (*ROW, "intent")
    search_fields = ("=id", "bot__name", "instrument__symbol", "venue_order_id")
    inlines = (OrderEventInline, FillInline)

    @admin.display(description="purpose", ordering="intent__purpose")
    def purpose(self, order: Order) -> str:
        return order.intent.purpose

    @admin.display(description="trace")
    def trace(self, order: Order) -> str:
        return format_html('<a href="{}">Why</a>', reverse("order", args=[order.pk]))


@admin.register(OrderEvent)
class OrderEventAdmin(ReadOnlyAdmin):
    owner_path = "order__bot__owner"
    list_display = ("at", "order", "from_state", "to_state")
    list_filter = ("to_state", "at")
    list_select_related = ("order",)
    ordering = ("-pk",)


@admin.register(Fill)
class FillAdmin(ReadOnlyAdmin):
    owner_path = "account__owner"
    list_display = ("created_at", "account", "instrument", "side", "quantity", "price", "fee", "fee_asset", "is_maker")
    list_filter = ("side", "is_maker", "created_at")
    list_select_related = ("account", "instrument__exchange")
    search_fields = ("trade_id", "instrument__symbol", "account__name")


@admin.register(Intent)
class IntentAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "bot", "instrument", "side", "purpose", "exit_reason", "quantity", "closed_at")
    list_filter = ("purpose", "side", "exit_reason")
    list_select_related = ROW
    search_fields = ("=id", "bot__name", "instrument__symbol")


@admin.register(Decision)
class DecisionAdmin(ReadOnlyAdmin):
    list_display = (
        "created_at", "bot", "instrument", "action", "verdict", "signal", "confidence", "reasoning", "trace",
    )  # fmt: skip
    list_filter = ("verdict", "action", "trigger", "created_at")
    list_select_related = ROW
    search_fields = ("=id", "bot__name", "instrument__symbol")

    @admin.display(description="trace")
    def trace(self, decision: Decision) -> str:
        return format_html('<a href="{}">Why</a>', reverse("decision", args=[decision.pk]))


@admin.register(Signal)
class SignalAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "bot", "instrument", "source", "action", "value", "confidence", "price", "reasoning")
    list_filter = ("source", "action", "created_at")
    list_select_related = ROW
    search_fields = ("bot__name", "instrument__symbol")


@admin.register(Position)
class PositionAdmin(ReadOnlyAdmin):
    list_display = (
        "opened_at", "bot", "instrument", "side", "quantity", "entry_price", "mark_price", "realised_pnl", "stop_price",
        "closed_at", "exit_reason",
    )  # fmt: skip
    list_filter = (("closed_at", admin.EmptyFieldListFilter), "side", "exit_reason")
    list_select_related = ROW
    search_fields = ("bot__name", "instrument__symbol")


@admin.register(Trade)
class TradeAdmin(ReadOnlyAdmin):
    list_display = (
        "closed_at", "bot", "instrument", "side", "quantity", "entry_price", "exit_price", "fees", "realised_pnl",
        "exit_reason",
    )  # fmt: skip
    list_filter = ("exit_reason", "side", "closed_at")
    list_select_related = ROW
    search_fields = ("bot__name", "instrument__symbol")


@admin.register(PerformanceSnapshot)
class PerformanceSnapshotAdmin(ReadOnlyAdmin):
    list_display = (
        "at", "bot", "equity", "realised_pnl", "unrealised_pnl", "trades", "win_rate", "sharpe", "maximum_drawdown",
    )  # fmt: skip
    list_filter = ("at",)
    list_select_related = ("bot",)
    search_fields = ("bot__name",)


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    owner_path = "actor"
    list_display = ("at", "actor", "action", "target", "detail")
    list_filter = ("action", "at")
    list_select_related = ("actor",)
    search_fields = ("action", "target", "actor__username")
