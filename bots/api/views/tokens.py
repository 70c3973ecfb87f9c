"""Tokens for integrations: made after signing in, shown once, stored as a hash."""

from django.utils import timezone
from drf_spectacular.utils import extend_schema, inline_serializer
from knox.auth import TokenAuthentication
from knox.models import get_token_model
from rest_framework import serializers
from rest_framework.authentication import BasicAuthentication, SessionAuthentication
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from bots.api.errors import Conflict
from bots.api.views.base import person

MAX_TOKENS = 20


class Token(APIView):
    """POST with a session or HTTP basic authentication makes a token; DELETE with a token revokes that one."""

    authentication_classes = (TokenAuthentication, SessionAuthentication, BasicAuthentication)

    @extend_schema(
        request=None,
        responses={
            201: inline_serializer(
                "Token", {"token": serializers.CharField(), "expiry": serializers.DateTimeField(allow_null=True)}
            )
        },
    )
    def post(self, request: Request) -> Response:
        """Make a token. It is shown this once."""
        if request.auth is not None:
            raise ValidationError({"authorization": ["A token cannot make tokens: sign in with name and password."]})
        tokens = get_token_model().objects
        tokens.filter(user=person(request), expiry__lt=timezone.now()).delete()
        if tokens.filter(user=person(request)).count() >= MAX_TOKENS:
            raise Conflict(f"You have {MAX_TOKENS} tokens, the most there may be. Revoke one with DELETE first.")
        made, text = tokens.create(user=person(request))
        return Response({"token": text, "expiry": made.expiry}, status=201)

    @extend_schema(request=None, responses={204: None})
    def delete(self, request: Request) -> Response:
        """Revoke the token that this request is made with; after signing in without one, all of yours."""
        if request.auth is not None:
            request.auth.delete()
        else:
            get_token_model().objects.filter(user=person(request)).delete()
        return Response(status=204)
