"""How bots have done."""

from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from bots.api.fields import MoneyField
from bots.api.views.base import PERIOD, period_of, person
from bots.models import Bot
from bots.queries.performance import equity_curve, performance, visible_bots
from bots.queries.periods import start_of


class PerformanceSerializer(serializers.Serializer[Any]):
    period = serializers.CharField()
    since = serializers.DateTimeField(allow_null=True)
    equity = MoneyField()
    realised_pnl = MoneyField(help_text="Of trades closed in the period, after fees.")
    unrealised_pnl = MoneyField(help_text="Of open positions, at their last mark.")
    exposure = MoneyField()
    positions_open = serializers.IntegerField()
    fees = MoneyField()
    trades = serializers.IntegerField()
    win_rate = serializers.FloatField(allow_null=True)
    profit_factor = serializers.FloatField(allow_null=True)
    sharpe = serializers.FloatField(allow_null=True)
    sortino = serializers.FloatField(allow_null=True)
    maximum_drawdown = serializers.FloatField()


class EquityPointSerializer(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    equity = MoneyField()


def asked_bots(request: Request, bot_id: int | None) -> QuerySet[Bot]:
    bots = visible_bots(person(request), bot_id)
    if bot_id is not None and not bots.exists():
        raise Http404
    return bots


class Performance(APIView):
    @extend_schema(parameters=[PERIOD], responses=PerformanceSerializer)
    def get(self, request: Request, bot_id: int | None = None) -> Response:
        """Performance of a period, of one bot or of all your bots together."""
        bots = asked_bots(request, bot_id)
        return Response(performance(bots, period=period_of(request), now=timezone.now()))


class Equity(APIView):
    @extend_schema(parameters=[PERIOD], responses=EquityPointSerializer(many=True), operation_id="equity_list")
    def get(self, request: Request, bot_id: int | None = None) -> Response:
        """The equity curve of a period, oldest first, at most some 300 points."""
        now = timezone.now()
        start = start_of(period_of(request), now=now)
        curve = equity_curve(asked_bots(request, bot_id), start=start, now=now + timedelta(seconds=1))
        return Response(EquityPointSerializer(curve, many=True).data)


@extend_schema_view(get=extend_schema(operation_id="bots_equity_list"))
class BotEquity(Equity):
    """The equity curve of one bot."""
