"""What is looked at before a bot may trade."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from bots.api.views.base import person
from bots.models import Bot, Mode, PreflightRun
from bots.preflight.result import Level
from bots.preflight.run import run_preflight


class PreflightResult(serializers.Serializer[Any]):
    """One check: what was seen, and what to do about it."""

    name = serializers.CharField()
    level = serializers.ChoiceField(choices=[level.value for level in Level])
    seen = serializers.CharField()
    advice = serializers.CharField(allow_blank=True)


class PreflightReport(serializers.Serializer[Any]):
    """A run; `at` and `passed` are null where the bot was never looked at."""

    bot = serializers.IntegerField()
    mode = serializers.ChoiceField(choices=Mode.choices)
    passed = serializers.BooleanField(allow_null=True)
    is_current = serializers.BooleanField(help_text="Whether the bot's settings are those that were looked at.")
    at = serializers.DateTimeField(allow_null=True)
    results = PreflightResult(many=True)


class Preflight(APIView):
    @extend_schema(responses=PreflightReport, operation_id="bot_preflight")
    def get(self, request: Request, bot_id: int) -> Response:
        """What was seen last."""
        bot = own_bot(request, bot_id)
        return Response(report(bot, PreflightRun.objects.filter(bot=bot).first()))

    @extend_schema(request=None, responses=PreflightReport, operation_id="bot_preflight_run")
    def post(self, request: Request, bot_id: int) -> Response:
        """Look now: asks the venue and waits for prices, up to half a minute."""
        bot = own_bot(request, bot_id)
        return Response(report(bot, run_preflight(bot=bot, actor=person(request), now=timezone.now())))


def own_bot(request: Request, bot_id: int) -> Bot:
    bot: Bot = get_object_or_404(Bot.objects.visible_to(request.user).select_related("account__exchange"), pk=bot_id)
    return bot


def report(bot: Bot, run: PreflightRun | None) -> dict[str, Any]:
    if run is None:
        return {
            "bot": bot.pk, "mode": bot.account.mode, "passed": None, "is_current": False, "at": None, "results": [],
        }  # fmt: skip
    return {
        "bot": bot.pk,
        "mode": run.mode,
        "passed": run.passed,
        "is_current": run.is_about(bot),
        "at": run.at,
        "results": run.results,
    }
