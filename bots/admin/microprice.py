"""Fitted microprices in the admin."""

from django.contrib import admin
from django.http import HttpRequest

from bots.admin.owned import AnyAdmin, sees_everything
from bots.models import MicropriceFit


@admin.register(MicropriceFit)
class MicropriceFitAdmin(AnyAdmin):
    """Read only: the nightly job writes them."""

    list_display = ("instrument", "is_fitted", "quotes", "fitted_at", "tried_at", "reason")
    list_select_related = ("instrument__exchange",)
    search_fields = ("instrument__symbol",)

    @admin.display(boolean=True, description="fitted")
    def is_fitted(self, row: MicropriceFit) -> bool:
        return row.table is not None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return sees_everything(request.user)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return sees_everything(request.user)
