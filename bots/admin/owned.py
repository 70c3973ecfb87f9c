"""Rows of the person who looks: superusers see everybody's, staff their own."""

from typing import TYPE_CHECKING, Any, cast

from django.contrib import admin
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.core.paginator import Paginator
from django.db.models import Field, ForeignKey, Model, QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property

from bots.models import Account, Bot, User

if TYPE_CHECKING:
    AnyAdmin = admin.ModelAdmin[Any]
    AnyInline = admin.TabularInline[Any, Any]
else:
    # Django's own classes take no type arguments.
    AnyAdmin, AnyInline = admin.ModelAdmin, admin.TabularInline

MAX_ROWS = 10_000
OWNED_CHOICES: dict[type[Model], Any] = {Account: Account.objects, Bot: Bot.objects}


def person(request: HttpRequest) -> User:
    """The admin lets nobody in who is not signed in."""
    return cast(User, request.user)


def sees_everything(user: AbstractBaseUser | AnonymousUser) -> bool:
    return bool(getattr(user, "is_superuser", False))


class OwnedAdmin(AnyAdmin):
    """Lists, forms and choices hold the person's own rows only."""

    list_per_page = 50
    show_full_result_count = False
    owner_path = "owner"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request)
        return rows if sees_everything(request.user) else rows.filter(**{self.owner_path: request.user})

    def formfield_for_foreignkey(self, db_field: "ForeignKey[Any, Any]", request: HttpRequest, **kwargs: Any) -> Any:
        model = db_field.related_model
        if model in OWNED_CHOICES and not sees_everything(request.user):
            kwargs["queryset"] = OWNED_CHOICES[model].visible_to(request.user)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def get_list_display(self, request: HttpRequest) -> Any:
        columns = super().get_list_display(request)
        return columns if sees_everything(request.user) else [name for name in columns if name != "owner"]

    def get_exclude(self, request: HttpRequest, obj: Any = None) -> Any:
        excluded = super().get_exclude(request, obj)
        if sees_everything(request.user) or not any(field.name == "owner" for field in self.opts.fields):
            return excluded
        return [*(excluded or ()), "owner"]


class NewestRows(Paginator):  # type: ignore[type-arg]
    """Pages over the newest rows only: counting millions takes longer than anybody reads."""

    @cached_property
    def count(self) -> int:
        rows = cast(QuerySet[Any], self.object_list)
        return rows[:MAX_ROWS].count()


class ReadOnlyAdmin(OwnedAdmin):
    """What happened: to be read, never written."""

    paginator = NewestRows

    owner_path = "bot__owner"
    actions = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ReadOnlyInline(AnyInline):
    extra = 0
    max_num = 0
    can_delete = False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def field_names(model: type[Model]) -> list[str]:
    return [field.name for field in model._meta.get_fields() if isinstance(field, Field) and field.concrete]
