"""Accounts, their balances and journal, and the kill switch in the admin."""

from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from bots.admin.forms import AccountForm
from bots.admin.owned import OwnedAdmin, ReadOnlyAdmin, ReadOnlyInline, person, sees_everything
from bots.api.acts import set_kill_switch
from bots.models import Account, Balance, Installation, JournalLeg
from bots.operations.create_account import open_books
from bots.operations.refusals import Refused
from bots.operations.speak import audit
from bots.trading.vocabulary import Ladder

FIXED = ("exchange", "mode", "quote_asset", "opening_cash")


class BalanceInline(ReadOnlyInline):
    model = Balance
    fields = ("asset", "total", "reserved")
    readonly_fields = fields


@admin.register(Account)
class AccountAdmin(OwnedAdmin):
    form = AccountForm
    list_display = ("name", "mode", "exchange", "quote_asset", "opening_cash", "ladder", "ladder_reason", "owner")
    list_filter = ("mode", "exchange", "ladder")
    list_select_related = ("exchange", "owner")
    search_fields = ("name", "owner__username")
    readonly_fields = ("ladder", "ladder_reason", "created_at")
    actions = ("pause_entries", "exits_only", "flatten", "allow")
    inlines = (BalanceInline,)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Where the money is does not change once it is there."""
        fixed = (*FIXED, *(("owner",) if sees_everything(request.user) else ())) if obj else ()
        return (*super().get_readonly_fields(request, obj), *fixed)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions: dict[str, Any] = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        initial: dict[str, Any] = super().get_changeform_initial_data(request)
        return {"owner": person(request).pk} | initial

    def save_model(self, request: HttpRequest, obj: Account, form: Any, change: bool) -> None:
        if not obj.owner_id:
            obj.owner = person(request)
        super().save_model(request, obj, form, change)
        if not change:
            open_books(obj)
        verb = "edit" if change else "create"
        detail = {"fields": form.changed_data} if change else {"cash": str(obj.opening_cash)}
        audit(actor=person(request), action=f"account.{verb}", target=f"account:{obj.pk}", at=timezone.now(), **detail)

    def restrict(self, request: HttpRequest, accounts: QuerySet[Account], ladder: Ladder, done: str) -> None:
        reason = f"{person(request).get_username()} in the admin"
        for account in accounts:
            try:
                with transaction.atomic():
                    set_kill_switch(
                        ladder, reason=reason, actor=person(request), accounts=[account], now=timezone.now()
                    )
            except Refused as refusal:
                self.message_user(request, str(refusal), messages.ERROR)
            else:
                self.message_user(request, f"{account.name}: {done}.", messages.SUCCESS)

    @admin.action(description="Kill switch: no entries", permissions=["change"])
    def pause_entries(self, request: HttpRequest, queryset: QuerySet[Account]) -> None:
        self.restrict(request, queryset, Ladder.PAUSE, "no entries")

    @admin.action(description="Kill switch: exits only", permissions=["change"])
    def exits_only(self, request: HttpRequest, queryset: QuerySet[Account]) -> None:
        self.restrict(request, queryset, Ladder.REDUCE, "exits only, waiting entries are cancelled")

    @admin.action(description="Kill switch: close everything", permissions=["change"])
    def flatten(self, request: HttpRequest, queryset: QuerySet[Account]) -> None:
        self.restrict(request, queryset, Ladder.FLATTEN, "every position is being closed at market")

    @admin.action(description="Kill switch: allow trading again", permissions=["change"])
    def allow(self, request: HttpRequest, queryset: QuerySet[Account]) -> None:
        self.restrict(request, queryset, Ladder.ACTIVE, "may trade")


@admin.register(Balance)
class BalanceAdmin(ReadOnlyAdmin):
    owner_path = "account__owner"
    list_display = ("account", "asset", "total", "reserved")
    list_filter = ("asset",)
    list_select_related = ("account",)
    search_fields = ("account__name", "asset")


@admin.register(JournalLeg)
class JournalLegAdmin(ReadOnlyAdmin):
    owner_path = "account__owner"
    list_display = ("created_at", "account", "book", "amount", "asset", "kind", "entry")
    list_filter = ("book", "kind", "asset")
    list_select_related = ("account",)
    search_fields = ("=entry", "account__name")
    ordering = ("-pk",)


@admin.register(Installation)
class InstallationAdmin(ReadOnlyAdmin):
    """The kill switch of the installation: set over REST, on the command line, or on the dashboard."""

    list_display = ("__str__", "ladder", "ladder_reason", "ladder_set_by", "ladder_set_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return Installation.objects.select_related("ladder_set_by")
