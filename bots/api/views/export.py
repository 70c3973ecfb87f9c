"""Trades for a spreadsheet."""

from typing import Any

from django.http import HttpResponse
from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request

from bots.api import filters, serializers
from bots.api.csvfile import csv_lines
from bots.api.views.base import OwnRows
from bots.models import Trade
from bots.queries.records import time_text

COLUMNS = (
    "id", "bot", "exchange", "symbol", "side", "quantity", "entry_price", "exit_price", "fees", "realised_pnl",
    "exit_reason", "opened_at", "closed_at",
)  # fmt: skip


class AnyFormat(BaseContentNegotiation):
    """A file has one format, whatever the browser says it accepts."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return parsers[0]

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        return renderers[0], renderers[0].media_type


class TradesFile(OwnRows):
    rows = Trade.objects.select_related("bot", "instrument__exchange")
    serializer_class = serializers.TradeSerializer
    filterset_class = filters.TradeFilter
    filter_backends = (DjangoFilterBackend,)
    content_negotiation_class = AnyFormat

    @extend_schema(responses={(200, "text/csv"): OpenApiTypes.STR}, operation_id="trades_csv")
    def get(self, request: Request) -> HttpResponse:
        """All trades that the filters leave, oldest first, as CSV."""
        trades = self.filter_queryset(self.get_queryset()).order_by("closed_at", "pk")
        response = HttpResponse(
            "".join(csv_lines(COLUMNS, (trade_cells(trade) for trade in trades.iterator(chunk_size=1000)))),
            content_type="text/csv; charset=utf-8",
        )
        response["Content-Disposition"] = 'attachment; filename="trades.csv"'
        return response


def trade_cells(trade: Trade) -> tuple[Any, ...]:
    return (
        trade.pk, trade.bot.name, trade.instrument.exchange.code, trade.instrument.symbol, trade.side,
        trade.quantity, trade.entry_price, trade.exit_price,
        trade.fees, trade.realised_pnl, trade.exit_reason, time_text(trade.opened_at),
        time_text(trade.closed_at),
    )  # fmt: skip
