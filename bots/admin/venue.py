"""Accounts at real venues in the admin: whether they agree, and what others did there. Read only."""

from django.contrib import admin

from bots.admin.owned import ReadOnlyAdmin
from bots.models import ExternalFill, ExternalOrder, VenueState


@admin.register(VenueState)
class VenueStateAdmin(ReadOnlyAdmin):
    owner_path = "account__owner"
    list_display = ("account", "opened_at", "reconciled_at", "problem", "problem_since")
    list_select_related = ("account",)
    search_fields = ("account__name",)


@admin.register(ExternalOrder)
class ExternalOrderAdmin(ReadOnlyAdmin):
    owner_path = "account__owner"
    list_display = (
        "first_seen_at", "account", "symbol", "side", "quantity", "filled_quantity", "limit_price", "state",
        "client_order_id",
    )  # fmt: skip
    list_filter = ("state", "side")
    list_select_related = ("account",)
    search_fields = ("account__name", "symbol", "venue_order_id", "client_order_id")


@admin.register(ExternalFill)
class ExternalFillAdmin(ReadOnlyAdmin):
    owner_path = "account__owner"
    list_display = ("created_at", "account", "instrument", "side", "quantity", "price", "fee", "fee_asset", "order")
    list_filter = ("side",)
    list_select_related = ("account", "instrument__exchange", "order")
    search_fields = ("account__name", "instrument__symbol", "trade_id")
