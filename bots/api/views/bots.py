"""Bots: settings, and starting, pausing, resuming, stopping them."""

from typing import Any

from django.db import transaction
from django.db.models import ProtectedError
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.generics import ListCreateAPIView, RetrieveUpdateDestroyAPIView, get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from bots.api.acts import Verb, act_on_bot
from bots.api.bot_serializer import BotSerializer
from bots.api.errors import Conflict, PreconditionFailed, PreconditionRequired
from bots.api.idempotency import IDEMPOTENCY_PARAMETER, idempotent
from bots.api.views.base import OwnRows, person
from bots.models import Bot, TokenScope

ROWS = Bot.objects.select_related("account__exchange").prefetch_related("instruments")
IF_MATCH = OpenApiParameter(
    "If-Match",
    str,
    OpenApiParameter.HEADER,
    description='The version that was read, e.g. "3" (or `version` in the body).',
)


class BotList(OwnRows, ListCreateAPIView[Bot]):
    """Bots of yours."""

    rows = ROWS
    serializer_class = BotSerializer
    filterset_fields = ("state", "account")


@extend_schema(parameters=[IF_MATCH], methods=["PATCH"])
class BotDetail(OwnRows, RetrieveUpdateDestroyAPIView[Bot]):
    """One bot. A change names the version that it was made on, so that nobody's change is lost unseen."""

    rows = ROWS
    serializer_class = BotSerializer
    http_method_names = ("get", "patch", "delete", "head", "options")

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        response = super().retrieve(request, *args, **kwargs)
        response["ETag"] = f'"{response.data["version"]}"'
        return response

    @transaction.atomic
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        locked = self.get_queryset().select_related(None).select_for_update()
        bot = get_object_or_404(locked, pk=self.kwargs["pk"])
        check_version(bot, given_version(request))
        serializer = self.get_serializer(bot, data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        serializer.save()
        return Response(serializer.data, headers={"ETag": f'"{serializer.data["version"]}"'})

    def perform_destroy(self, instance: Bot) -> None:
        if instance.is_active:
            raise Conflict(f"{instance.name} is {instance.state}. Stop it first: POST /api/v1/bots/{instance.pk}/stop.")
        try:
            with transaction.atomic():
                instance.delete()
        except ProtectedError:
            raise Conflict(
                f"{instance.name} has traded, and its orders and trades are kept. Leave it stopped instead."
            ) from None


def given_version(request: Request) -> str:
    header = request.headers.get("If-Match", "").strip().removeprefix("W/").strip('"')
    body = request.data if isinstance(request.data, dict) else {}
    version = header or str(body.get("version", ""))
    if not version:
        raise PreconditionRequired(
            'Say which version you changed: If-Match: "<version>", or `version` in the body, as GET gave it.'
        )
    return version


def check_version(bot: Bot, version: str) -> None:
    if version not in ("*", str(bot.version)):
        raise PreconditionFailed(
            f"{bot.name} is at version {bot.version} now, not {version}: somebody changed it. Read it again, then change."
        )


class BotState(serializers.Serializer[Any]):
    """What an act left."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    state = serializers.CharField()
    state_reason = serializers.CharField()
    session = serializers.IntegerField(allow_null=True)


def bot_state(bot: Bot) -> dict[str, Any]:
    session = bot.sessions.filter(ended_at=None).first()
    return {
        "id": bot.pk,
        "name": bot.name,
        "state": bot.state,
        "state_reason": bot.state_reason,
        "session": session.pk if session else None,
    }


class BotAct(APIView):
    """POST does `verb` to the bot in the address."""

    verb = Verb.START
    scope = TokenScope.TRADE

    @extend_schema(request=None, responses=BotState, parameters=[IDEMPOTENCY_PARAMETER])
    @idempotent
    def post(self, request: Request, bot_id: int) -> Response:
        """Start, pause (no entries, exits go on), resume or stop the bot; or clear its restriction, with a `reason`."""
        bot = get_object_or_404(Bot.objects.visible_to(request.user), pk=bot_id)
        body = request.data if isinstance(request.data, dict) else {}
        reason = str(body.get("reason", ""))
        act_on_bot(bot, self.verb, actor=person(request), now=timezone.now(), reason=reason)
        bot.refresh_from_db()
        return Response(bot_state(bot))
