"""Accounts: list and open them, give them API keys, let them trade real money."""

from typing import Any

from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_variables
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import ListCreateAPIView, RetrieveAPIView, get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from bots.api.account_serializer import AccountSerializer, CredentialsSerializer, CredentialsState, secrets_of
from bots.api.idempotency import IDEMPOTENCY_PARAMETER, idempotent
from bots.api.views.base import OwnRows, person
from bots.models import Account
from bots.operations.check_credentials import check_credentials
from bots.operations.go_live import go_live
from bots.operations.remove_credentials import remove_credentials
from bots.operations.set_credentials import set_credentials

ROWS = Account.objects.select_related("exchange", "credentials").prefetch_related("balances")
HIDDEN = method_decorator(sensitive_variables(), name="dispatch")


def own_account(request: Request, pk: int) -> Account:
    account: Account = get_object_or_404(ROWS.all().visible_to(request.user), pk=pk)
    return account


@HIDDEN
class AccountList(OwnRows, ListCreateAPIView[Account]):
    """Accounts of yours. One for a sandbox or real money is opened together with its API key."""

    rows = ROWS
    serializer_class = AccountSerializer
    filterset_fields = ("mode",)


class AccountDetail(OwnRows, RetrieveAPIView[Account]):
    """One account. Its API key is never shown, only that there is one and what it was seen to be allowed."""

    rows = ROWS
    serializer_class = AccountSerializer


@HIDDEN
class AccountCredentialsView(APIView):
    @extend_schema(request=CredentialsSerializer, responses=CredentialsState, operation_id="account_credentials_set")
    def put(self, request: Request, pk: int) -> Response:
        """Give the account its API key, or another one. What is given cannot be read back."""
        account = own_account(request, pk)
        given = CredentialsSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        secrets = secrets_of(given.validated_data)
        row = set_credentials(account_id=account.pk, secrets=secrets, actor=person(request), now=timezone.now())
        return Response(CredentialsState(row).data)

    @extend_schema(request=None, responses={204: None}, operation_id="account_credentials_remove")
    def delete(self, request: Request, pk: int) -> Response:
        """Forget the API key. Revoke it at the venue too."""
        remove_credentials(account_id=own_account(request, pk).pk, actor=person(request), now=timezone.now())
        return Response(status=204)


class CheckCredentials(APIView):
    @extend_schema(request=None, responses=CredentialsState)
    def post(self, request: Request, pk: int) -> Response:
        """Ask the venue what the key may do."""
        row = check_credentials(account_id=own_account(request, pk).pk, actor=person(request), now=timezone.now())
        return Response(CredentialsState(row).data)


class Confirmation(serializers.Serializer[Any]):
    """The account's name, typed by a person."""

    confirm = serializers.CharField(max_length=64, trim_whitespace=False, help_text="The account's name, as it is.")


class GoLive(APIView):
    @extend_schema(request=Confirmation, responses=AccountSerializer, parameters=[IDEMPOTENCY_PARAMETER])
    @idempotent
    def post(self, request: Request, pk: int) -> Response:
        """Let bots on the account trade real money: for the first day at a tenth of its limits."""
        account = own_account(request, pk)
        typed = Confirmation(data=request.data)
        typed.is_valid(raise_exception=True)
        go_live(
            account_id=account.pk,
            typed_name=typed.validated_data["confirm"],
            actor=person(request),
            now=timezone.now(),
        )
        return Response(AccountSerializer(own_account(request, pk), context={"request": request}).data)
