"""What a token may do at a view: by its scope, before anything else is looked at.

Reading needs `read`. Anything else needs what the view names as `scope`, and `admin` where it names nothing.
"""

from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from drf_spectacular.contrib.knox_auth_token import KnoxTokenScheme
from knox.auth import TokenAuthentication
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request

from bots.models import TokenScope


class ScopedTokenAuthentication(TokenAuthentication):  # type: ignore[misc]
    """Knox's tokens within their scopes. Raises PermissionDenied for one that may not do this."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        found: tuple[Any, Any] | None = super().authenticate(request)
        if found is not None:
            has, needs = scope_of(found[1]), scope_needed(request)
            if has.rank < needs.rank:
                raise PermissionDenied(
                    f"This token may {has}, and this takes a token that may {needs}: make one with POST "
                    f'/api/v1/auth/token and {{"scope": "{needs}"}}.'
                )
        return found


def scope_of(token: Any) -> TokenScope:
    try:
        return TokenScope(token.grant.scope)
    except ObjectDoesNotExist:
        return TokenScope.ADMIN


def scope_needed(request: Request) -> TokenScope:
    if request.method in SAFE_METHODS:
        return TokenScope.READ
    needed: TokenScope = getattr(request.parser_context["view"], "scope", TokenScope.ADMIN)
    return needed


class ScopedTokenScheme(KnoxTokenScheme):  # type: ignore[no-untyped-call]
    """The same header in the API's description."""

    target_class = "bots.api.scopes.ScopedTokenAuthentication"
