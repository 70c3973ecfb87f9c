"""One person's trading as a whole: start with settings, stop, positions, performance."""

from typing import Any

from django.db import transaction
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from bots.api.acts import Verb, act_on_bot
from bots.api.bot_serializer import BotSerializer
from bots.api.errors import Conflict
from bots.api.idempotency import IDEMPOTENCY_PARAMETER, idempotent
from bots.api.serializers import PositionSerializer
from bots.api.views.base import person
from bots.models import Account, Bot, Position, TokenScope, User

BOT_NAME = "trading"

START_ANSWER = inline_serializer(
    "TradingStarted",
    {
        "success": serializers.BooleanField(),
        "session": inline_serializer(
            "TradingSession",
            {
                "id": serializers.IntegerField(),
                "bot": serializers.IntegerField(),
                "started_at": serializers.DateTimeField(),
            },
        ),
    },
)
STOP_ANSWER = inline_serializer(
    "TradingStopped",
    {"success": serializers.BooleanField(), "stopped": serializers.ListField(child=serializers.IntegerField())},
)


def settings_of(request: Request, user: User) -> dict[str, Any]:
    """The request's settings, with what a person with one account need not say."""
    if not isinstance(request.data, dict):
        raise ValidationError({"body": ["Give a JSON object of settings."]})
    settings = dict(request.data)
    settings.setdefault("name", BOT_NAME)
    if "symbol" in settings:
        settings.setdefault("symbols", [settings.pop("symbol")])
    if "account" not in settings:
        accounts = list(Account.objects.visible_to(user)[:2])
        if len(accounts) != 1:
            raise ValidationError(
                {"account": [f"You have {'several accounts' if accounts else 'no account'}: name one."]}
            )
        settings["account"] = accounts[0].pk
    return settings


@transaction.atomic
def prepared_bot(request: Request, user: User) -> Bot:
    """The person's bot of the name in the request, made or brought up to the request's settings."""
    settings = settings_of(request, user)
    bot = Bot.objects.visible_to(user).select_for_update().filter(name=settings["name"]).first()
    if bot is not None and bot.is_active:
        raise Conflict(f"{bot.name} is {bot.state}. Stop it first: POST /api/trading/stop.")
    serializer = BotSerializer(bot, data=settings, partial=bot is not None, context={"request": request})
    serializer.is_valid(raise_exception=True)
    saved: Bot = serializer.save()
    return saved


class Start(APIView):
    scope = TokenScope.TRADE

    @extend_schema(request=BotSerializer, responses=START_ANSWER, parameters=[IDEMPOTENCY_PARAMETER])
    @idempotent
    def post(self, request: Request) -> Response:
        """Start trading with the settings in the body; `name` chooses among several bots."""
        user = person(request)
        bot = prepared_bot(request, user)
        act_on_bot(bot, Verb.START, actor=user, now=timezone.now())
        session = bot.sessions.get(ended_at=None)
        return Response(
            {"success": True, "session": {"id": session.pk, "bot": bot.pk, "started_at": session.started_at}}
        )


class Stop(APIView):
    scope = TokenScope.TRADE

    @extend_schema(request=OpenApiTypes.NONE, responses=STOP_ANSWER, parameters=[IDEMPOTENCY_PARAMETER])
    @idempotent
    def post(self, request: Request) -> Response:
        """Stop all your bots."""
        user = person(request)
        active = [bot for bot in Bot.objects.visible_to(user) if bot.is_active]
        for bot in active:
            act_on_bot(bot, Verb.STOP, actor=user, now=timezone.now())
        return Response({"success": True, "stopped": [bot.pk for bot in active]})


class Positions(APIView):
    @extend_schema(responses=PositionSerializer(many=True), operation_id="trading_positions_list")
    def get(self, request: Request) -> Response:
        """Your open positions."""
        held = Position.objects.visible_to(person(request)).open().select_related("bot", "instrument__exchange")
        return Response(PositionSerializer(held, many=True).data)
