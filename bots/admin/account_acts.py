"""Pages beside an account's form: check its API key, remove it, let it trade real money. Each asks before it acts."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from msgspec import Struct

from bots.admin.owned import AnyAdmin, person
from bots.models import Account, User
from bots.operations.check_credentials import check_credentials
from bots.operations.go_live import go_live
from bots.operations.refusals import Refused
from bots.operations.remove_credentials import remove_credentials


class Question(Struct, frozen=True, kw_only=True):
    """What is asked before an act, and the act. `typed`: the account's name must be typed."""

    title: str
    consequence: str
    button: str
    done: str
    act: Callable[[Account, User, str], Any]
    typed: bool = False
    is_grave: bool = True


CHECK = Question(
    title="Check the API key",
    consequence="The venue is asked what the key may do. Nothing is traded.",
    button="Check it now",
    done="The venue was asked; see below what it told.",
    act=lambda account, actor, _: check_credentials(account_id=account.pk, actor=actor, now=timezone.now()),
    is_grave=False,
)
REMOVE = Question(
    title="Remove the API key",
    consequence="Its bots cannot trade until it has another one. The key itself goes on working until you revoke it at "
    "the venue: do that too.",
    button="Remove it",
    done="The API key is removed. Revoke it at the venue too.",
    act=lambda account, actor, _: remove_credentials(account_id=account.pk, actor=actor, now=timezone.now()),
)
LIVE = Question(
    title="Trade real money",
    consequence="From now on bots on this account may be started, after a pre-flight of each, and trade real money "
    "without asking again. For the first 24 hours they may use a tenth of their limits.",
    button="Trade real money",
    done="The account is live. Its bots may be started; each passes a pre-flight first.",
    act=lambda account, actor, typed: go_live(account_id=account.pk, typed_name=typed, actor=actor, now=timezone.now()),
    typed=True,
)


class AccountActs(AnyAdmin):
    """Adds the pages' addresses to the admin of accounts."""

    def get_urls(self) -> list[URLPattern]:
        site = self.admin_site.admin_view
        pages = (("check-key", "account_check_key", CHECK), ("remove-key", "account_remove_key", REMOVE),
                 ("go-live", "account_go_live", LIVE))  # fmt: skip
        ours = [
            path(f"<int:pk>/{part}/", site(self.ask), {"question": question}, name=name)
            for part, name, question in pages
        ]
        return [*ours, *super().get_urls()]

    def ask(self, request: HttpRequest, pk: int, question: Question) -> HttpResponseBase:
        """The question on GET; the act on POST, for the account's owner only."""
        account = get_object_or_404(self.get_queryset(request).select_related("exchange"), pk=pk)
        if not self.has_change_permission(request, account) or account.owner_id != request.user.pk:
            raise PermissionDenied
        if request.method == "POST":
            return self.answer(request, account, question)
        return self.page(request, account, question)

    def answer(self, request: HttpRequest, account: Account, question: Question) -> HttpResponse:
        try:
            question.act(account, person(request), request.POST.get("name", ""))
        except Refused as refusal:
            self.message_user(request, str(refusal), messages.ERROR)
            return self.page(request, account, question)
        self.message_user(request, question.done, messages.SUCCESS)
        return redirect("admin:bots_account_change", account.pk)

    def page(self, request: HttpRequest, account: Account, question: Question) -> TemplateResponse:
        context = admin.site.each_context(request) | {
            "title": question.title,
            "question": question,
            "account": account,
            "opts": self.opts,
        }
        return TemplateResponse(request, "admin/bots/account/question.html", context)
