"""Policies in the shadow, to be read: what they have learned, what they would have chosen, what was done."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from quant.admin.wording import NOTHING
from quant.models import PolicyChoice, PolicyState
from quant.policy.summary import summaries

if TYPE_CHECKING:
    StateBase = admin.ModelAdmin[PolicyState]
    ChoiceBase = admin.ModelAdmin[PolicyChoice]
else:
    # Django's own classes take no type arguments.
    StateBase = ChoiceBase = admin.ModelAdmin


class ReadOnly:
    """Rows that only a job writes."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(PolicyState)
class PolicyStateAdmin(ReadOnly, StateBase):
    list_display = ("name", "updates", "standing", "updated_at")
    fields = ("name", "updates", "standing", "updated_at", "state")

    @admin.display(description="measured rewards, by what bots did")
    def standing(self, policy: PolicyState) -> SafeString | str:
        return format_html_join("", "<div>{}</div>", ((one.words,) for one in summaries(policy))) or NOTHING


@admin.register(PolicyChoice)
class PolicyChoiceAdmin(ReadOnly, ChoiceBase):
    list_display = (
        "symbol",
        "exchange",
        "chosen",
        "used",
        "reward_bps",
        "counterfactual_bps",
        "unusable",
        "created_at",
    )
    list_filter = ("policy", "chosen", "used")
    search_fields = ("symbol", "exchange")
    list_select_related = ("policy",)
