"""Accounts, their balances and journal, and the kill switch in the admin."""

from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables

from bots.admin.account_acts import AccountActs
from bots.admin.account_form import KEY_FIELDS, AccountForm
from bots.admin.account_state import key_mark, key_state, live_fields, live_state
from bots.admin.owned import OwnedAdmin, ReadOnlyAdmin, ReadOnlyInline, person, sees_everything
from bots.api.acts import set_kill_switch
from bots.models import Account, Balance, Installation, JournalLeg, Mode
from bots.operations.create_account import account_made
from bots.operations.refusals import Refused
from bots.operations.set_credentials import set_credentials
from bots.operations.speak import audit
from bots.trading.vocabulary import Ladder

FIXED = ("exchange", "mode", "quote_asset", "opening_cash")
STATE = ("State", {"fields": ("ladder", "ladder_reason", "created_at"), "classes": ("collapse",)})
LIMITS = (
    "Limits",
    {
        "fields": ("daily_loss_limit", "on_daily_loss", "maximum_drawdown", "on_drawdown"),
        "description": "Over all its bots together, beside the limits of each. Fractions: 0.03 is 3 %.",
    },
)
PAPER = {"fields": ("opening_cash", "maker_fee_bps", "taker_fee_bps", "latency_ms")}
FEES = ("Fees", {"fields": ("maker_fee_bps", "taker_fee_bps")})
NEW_KEY = (
    "For a sandbox or live account. Make a key at the venue that may trade and cannot withdraw, bound to this server's "
    "address where the venue offers that. It is kept sealed and never shown again."
)
OTHER_KEY = "Leave these empty to keep the key that is there. What you type replaces it, and is never shown again."
sensitive = method_decorator((sensitive_post_parameters(*KEY_FIELDS), sensitive_variables()))


class BalanceInline(ReadOnlyInline):
    model = Balance
    fields = ("asset", "total", "reserved")
    readonly_fields = fields


@admin.register(Account)
class AccountAdmin(AccountActs, OwnedAdmin):
    form = AccountForm
    list_display = ("name", "mode", "exchange", "quote_asset", "key_mark", "ladder", "ladder_reason", "owner")
    list_filter = ("mode", "exchange", "ladder")
    list_select_related = ("exchange", "owner", "credentials")
    search_fields = ("name", "owner__username")
    readonly_fields = ("ladder", "ladder_reason", "created_at", "key_state", "live_state")
    actions = ("pause_entries", "exits_only", "flatten", "allow")
    inlines = (BalanceInline,)

    class Media:
        js = ("dashboard/account_form.js",)

    def get_fieldsets(self, request: HttpRequest, obj: Account | None = None) -> Any:
        """What the mode asks for; where it is not chosen yet, a script shows what belongs to the choice."""
        owner = ("owner",) if sees_everything(request.user) else ()
        first = (None, {"fields": ("name", *owner, "mode", "exchange", "quote_asset")})
        if obj is None:
            key = {"fields": KEY_FIELDS, "description": NEW_KEY, "classes": ("mode-venue",)}
            return (first, ("Paper", PAPER | {"classes": ("mode-paper",)}), ("API key", key), LIMITS)
        if obj.mode == Mode.PAPER:
            return (first, ("Paper", PAPER), LIMITS, STATE)
        if obj.owner_id != request.user.pk or not self.has_change_permission(request, obj):
            return (first, ("API key", {"fields": ("key_state", *live_fields(obj))}), FEES, LIMITS, STATE)
        key = {"fields": ("key_state", *live_fields(obj), *KEY_FIELDS), "description": OTHER_KEY}
        return (first, ("API key", key), FEES, LIMITS, STATE)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        return type("OwnAccountForm", (form,), {"actor": person(request)})

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Where the money is does not change once it is there."""
        fixed = (*FIXED, *(("owner",) if sees_everything(request.user) else ())) if obj else ()
        return (*super().get_readonly_fields(request, obj), *fixed)

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        return self.inlines if obj else ()

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions: dict[str, Any] = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        initial: dict[str, Any] = super().get_changeform_initial_data(request)
        return {"owner": person(request).pk} | initial

    @sensitive
    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return super().changeform_view(request, *args, **kwargs)

    @method_decorator(sensitive_variables())
    def save_model(self, request: HttpRequest, obj: Account, form: Any, change: bool) -> None:
        actor, now = person(request), timezone.now()
        if not obj.owner_id:
            obj.owner = actor
        super().save_model(request, obj, form, change)
        if not change:
            account_made(obj, form.secrets, actor=actor, now=now)
            return
        fields = [name for name in form.changed_data if name not in KEY_FIELDS]
        if fields:
            audit(actor=actor, action="account.edit", target=f"account:{obj.pk}", at=now, fields=fields)
        if form.secrets is not None:
            set_credentials(account_id=obj.pk, secrets=form.secrets, actor=actor, now=now)

    # --- Columns --------------------------------------------------------------------------------------------

    @admin.display(description="API key")
    def key_mark(self, account: Account) -> str:
        return key_mark(account)

    @admin.display(description="Its key now")
    def key_state(self, account: Account) -> str:
        return key_state(account)

    @admin.display(description="Real money")
    def live_state(self, account: Account) -> str:
        return live_state(account, now=timezone.now())

    # --- Actions --------------------------------------------------------------------------------------------

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
    """Limits of the installation. Its kill switch is set over REST, on the command line, or on the dashboard."""

    list_display = ("__str__", "ladder", "ladder_reason", "maximum_exposure", "daily_loss_limit", "ladder_set_by")
    readonly_fields = ("ladder", "ladder_reason", "ladder_set_by", "ladder_set_at")
    fields = (*readonly_fields, "maximum_exposure", "daily_loss_limit")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.is_superuser

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        obj.save(update_fields=form.changed_data)
        values = {name: str(form.cleaned_data[name]) for name in form.changed_data}
        audit(actor=person(request), action="installation.edit", target="installation", at=timezone.now(), **values)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return Installation.objects.select_related("ladder_set_by")
