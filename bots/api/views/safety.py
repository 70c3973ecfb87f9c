"""Closing positions, and the kill switch."""

from decimal import Decimal
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from bots.api.acts import set_kill_switch
from bots.api.idempotency import IDEMPOTENCY_PARAMETER, idempotent
from bots.api.serializers import PositionSerializer
from bots.api.views.base import person
from bots.models import Account, Position, TokenScope
from bots.models.choices import choices_of
from bots.operations.close_position import close_position
from bots.queries.snapshot import kill_switch
from bots.trading.vocabulary import Ladder


class ClosePart(serializers.Serializer[Any]):
    """How much to close: a quantity, a fraction of what is held, or without either all. Rounded down to whole lots."""

    quantity = serializers.DecimalField(max_digits=28, decimal_places=12, required=False, min_value=Decimal(0))
    fraction = serializers.DecimalField(max_digits=13, decimal_places=12, required=False, min_value=Decimal(0))


class ClosePosition(APIView):
    scope = TokenScope.TRADE

    @extend_schema(request=ClosePart, responses={202: PositionSerializer}, parameters=[IDEMPOTENCY_PARAMETER])
    @idempotent
    def post(self, request: Request, pk: int) -> Response:
        """Ask for the position to be closed at the market; its bot's engine sends the exit, as every order.

        `close_to` is what is to be left of it. A part is asked for once at a time; all of it at any time.
        """
        rows = Position.objects.visible_to(request.user).select_related("bot", "instrument__exchange")
        position: Position = get_object_or_404(rows, pk=pk)
        part = ClosePart(data=request.data)
        part.is_valid(raise_exception=True)
        close_position(position_id=position.pk, actor=person(request), now=timezone.now(), **part.validated_data)
        position.refresh_from_db()
        return Response(PositionSerializer(position).data, status=202)


class LadderStep(serializers.Serializer[Any]):
    """A step of the ladder and why."""

    ladder = serializers.ChoiceField(
        choices=choices_of(Ladder),
        help_text="active: trade; pause: no entries; reduce: exits only; flatten: close everything and stay off.",
    )
    reason = serializers.CharField(max_length=300)
    scope = serializers.ChoiceField(
        choices=("account", "installation"), default="account", help_text="installation: staff only."
    )
    account = serializers.IntegerField(
        required=False, help_text="One account; without it all of yours. Not for scope installation."
    )


class KillSwitchAccount(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    name = serializers.CharField()
    ladder = serializers.CharField()
    reason = serializers.CharField()


class KillSwitchInstallation(serializers.Serializer[Any]):
    ladder = serializers.CharField()
    reason = serializers.CharField()
    set_at = serializers.DateTimeField(allow_null=True)


class KillSwitchState(serializers.Serializer[Any]):
    ladder = serializers.CharField(help_text="The strictest of all.")
    installation = KillSwitchInstallation()
    accounts = KillSwitchAccount(many=True)


class KillSwitch(APIView):
    @extend_schema(responses=KillSwitchState)
    def get(self, request: Request) -> Response:
        """How far trading is restricted, for the installation and for your accounts."""
        return Response(kill_switch(person(request)))

    @extend_schema(request=LadderStep, responses=KillSwitchState)
    def put(self, request: Request) -> Response:
        """Restrict trading, or allow it again, with a reason."""
        asked = LadderStep(data=request.data)
        asked.is_valid(raise_exception=True)
        step, user = asked.validated_data, person(request)
        if step["scope"] == "installation" and not user.is_staff:
            raise PermissionDenied("Only staff may restrict the whole installation; scope `account` is yours.")
        accounts = Account.objects.visible_to(user)
        if "account" in step:
            accounts = accounts.filter(pk=get_object_or_404(accounts, pk=step["account"]).pk)
        set_kill_switch(
            Ladder(step["ladder"]),
            reason=step["reason"],
            actor=user,
            accounts=None if step["scope"] == "installation" else list(accounts),
            now=timezone.now(),
        )
        return Response(kill_switch(user))
