"""One person's money as a whole, and what was done in their name."""

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from bots.api.fields import RowSerializer
from bots.api.views.base import OwnRows, person
from bots.api.views.performance import Equity
from bots.models import AuditEntry
from bots.queries.portfolio import portfolio


class BalanceRow(serializers.Serializer[Any]):
    asset = serializers.CharField()
    total = serializers.CharField()
    reserved = serializers.CharField(help_text="What live orders may still use.")
    free = serializers.CharField()


class Worth(serializers.Serializer[Any]):
    mode = serializers.CharField()
    quote_asset = serializers.CharField()
    cash = serializers.CharField()
    free_cash = serializers.CharField()
    open_positions = serializers.IntegerField()
    exposure = serializers.CharField(help_text="Open positions at their last marks, long and short added up.")
    unrealised_pnl = serializers.CharField()
    equity = serializers.CharField(help_text="Cash and open positions at their last marks.")


class AccountWorth(Worth):
    id = serializers.IntegerField()
    name = serializers.CharField()
    exchange = serializers.CharField()
    ladder = serializers.CharField()
    balances = BalanceRow(many=True)


class PortfolioAnswer(serializers.Serializer[Any]):
    accounts = AccountWorth(many=True)
    totals = Worth(many=True, help_text="By mode and quote asset: paper is never added to real money.")


class Portfolio(APIView):
    @extend_schema(responses=PortfolioAnswer)
    def get(self, request: Request) -> Response:
        """What your accounts hold and are worth, in their quote assets."""
        return Response(portfolio(person(request)))


@extend_schema_view(get=extend_schema(operation_id="portfolio_history_list"))
class PortfolioHistory(Equity):
    """The equity curve of all your bots together."""


class AuditSerializer(RowSerializer):
    class Meta:
        model = AuditEntry
        fields = ("id", "action", "target", "detail", "at")


class Audit(OwnRows, ListAPIView[AuditEntry]):
    """What you did, here, on the dashboard and in the admin, newest first."""

    rows = AuditEntry.objects.all()
    serializer_class = AuditSerializer
