"""Tokens for integrations: made after signing in, shown once, stored as a hash."""

from typing import Any

from django.db import transaction
from django.utils import timezone
from drf_spectacular.utils import extend_schema, inline_serializer
from knox.models import get_token_model
from rest_framework import serializers
from rest_framework.authentication import BasicAuthentication, SessionAuthentication
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from bots.api.errors import Conflict
from bots.api.scopes import ScopedTokenAuthentication, scope_of
from bots.api.views.base import person
from bots.models import TokenGrant, TokenScope

MAX_TOKENS = 20


def token_row(token: Any) -> dict[str, Any]:
    name = token.grant.name if hasattr(token, "grant") else ""
    return {"name": name, "scope": scope_of(token).value, "expiry": token.expiry}


class TokenWanted(serializers.Serializer[Any]):
    """What a new token is called, and may do."""

    name = serializers.CharField(max_length=64, required=False, default="", allow_blank=True)
    scope = serializers.ChoiceField(
        choices=TokenScope.choices,
        default=TokenScope.ADMIN.value,
        help_text="read: see all that is yours; trade: start and stop bots, close and protect positions as well; "
        "admin: everything you may.",
    )


TOKEN_FIELDS: dict[str, serializers.Field[Any, Any, Any, Any]] = {
    "name": serializers.CharField(),
    "scope": serializers.CharField(),
    "expiry": serializers.DateTimeField(allow_null=True),
}


class Token(APIView):
    """POST with a session or HTTP basic authentication makes a token; DELETE with a token revokes that one."""

    authentication_classes = (ScopedTokenAuthentication, SessionAuthentication, BasicAuthentication)
    scope = TokenScope.READ

    @extend_schema(
        responses=inline_serializer("TokenRow", {**TOKEN_FIELDS, "created": serializers.DateTimeField()}, many=True),
        operation_id="auth_token_list",
    )
    def get(self, request: Request) -> Response:
        """Your tokens, newest first. None is shown again."""
        tokens = get_token_model().objects.filter(user=person(request)).select_related("grant").order_by("-created")
        return Response([token_row(token) | {"created": token.created} for token in tokens])

    @extend_schema(
        request=TokenWanted,
        responses={201: inline_serializer("Token", {"token": serializers.CharField(), **TOKEN_FIELDS})},
    )
    def post(self, request: Request) -> Response:
        """Make a token. It is shown this once."""
        if request.auth is not None:
            raise ValidationError({"authorization": ["A token cannot make tokens: sign in with name and password."]})
        tokens = get_token_model().objects
        tokens.filter(user=person(request), expiry__lt=timezone.now()).delete()
        if tokens.filter(user=person(request)).count() >= MAX_TOKENS:
            raise Conflict(f"You have {MAX_TOKENS} tokens, the most there may be. Revoke one with DELETE first.")
        wanted = TokenWanted(data=request.data)
        wanted.is_valid(raise_exception=True)
        with transaction.atomic():
            made, text = tokens.create(user=person(request))
            TokenGrant.objects.create(token=made, **wanted.validated_data)
        return Response({"token": text, **token_row(made)}, status=201)

    @extend_schema(request=None, responses={204: None})
    def delete(self, request: Request) -> Response:
        """Revoke the token that this request is made with; after signing in without one, all of yours."""
        if request.auth is not None:
            request.auth.delete()
        else:
            get_token_model().objects.filter(user=person(request)).delete()
        return Response(status=204)
