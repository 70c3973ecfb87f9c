"""Signals, decisions, orders, positions and trades: reading what happened, and where positions are left."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.exceptions import ValidationError
from rest_framework.generics import ListAPIView, RetrieveAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import DecimalField, Serializer
from rest_framework.views import APIView

from bots.api import filters, serializers
from bots.api.views.base import OwnRows, person
from bots.models import Bot, Decision, Order, Position, Signal, TokenScope, Trade
from bots.operations.edit_position import edit_position
from bots.queries.trace import decision_trace

BOT_ROW = ("bot", "instrument__exchange")


class SignalList(OwnRows, ListAPIView[Signal]):
    """Stored signals, newest first."""

    rows = Signal.objects.select_related(*BOT_ROW)
    serializer_class = serializers.SignalSerializer
    filterset_class = filters.SignalFilter


class DecisionList(OwnRows, ListAPIView[Decision]):
    """Decisions, newest first: those that led to orders, and those whose verdict or reasons changed."""

    rows = Decision.objects.select_related(*BOT_ROW)
    serializer_class = serializers.DecisionSerializer
    filterset_class = filters.DecisionFilter
    page_order = "-created_at"


class OfOneBot(OwnRows):
    """Rows of the bot in the address."""

    def get_queryset(self) -> QuerySet[Any]:
        rows = super().get_queryset()
        if getattr(self, "swagger_fake_view", False):
            return rows
        if not Bot.objects.visible_to(self.request.user).filter(pk=self.kwargs["bot_id"]).exists():
            raise Http404
        return rows.filter(bot_id=self.kwargs["bot_id"])


class BotSignals(OfOneBot, SignalList):
    """Stored signals of one bot, newest first."""


class BotDecisions(OfOneBot, DecisionList):
    """Decisions of one bot, newest first."""


class DecisionDetail(APIView):
    @extend_schema(responses=serializers.TraceSerializer)
    def get(self, request: Request, pk: UUID) -> Response:
        """A decision with all that led to it and all that came of it: signals, weights, vetoes, orders, fills."""
        trace = decision_trace(person(request), pk)
        if trace is None:
            raise Http404
        return Response(serializers.TraceSerializer(trace).data)


class OrderList(OwnRows, ListAPIView[Order]):
    """Orders, newest first."""

    rows = Order.objects.select_related(*BOT_ROW, "intent")
    serializer_class = serializers.OrderSerializer
    filterset_class = filters.OrderFilter
    page_order = "-created_at"


ORDER_TRACE = Order.objects.select_related(
    *BOT_ROW, "intent__decision__bot", "intent__decision__instrument__exchange"
).prefetch_related("events", "fills")


class OrderDetail(OwnRows, RetrieveAPIView[Order]):
    """An order with its timeline, fills and the decision behind it."""

    rows = ORDER_TRACE
    serializer_class = serializers.OrderDetailSerializer


@extend_schema_view(get=extend_schema(operation_id="orders_retrieve_by_client_id"))
class OrderByClientId(OwnRows, RetrieveAPIView[Order]):
    """An order by its client order id: 32 hexadecimal digits."""

    rows = ORDER_TRACE
    serializer_class = serializers.OrderDetailSerializer
    lookup_url_kwarg = "client_order_id"

    def get_object(self) -> Order:
        try:
            order_id = UUID(hex=self.kwargs["client_order_id"])
        except ValueError:
            raise Http404 from None
        order: Order | None = self.get_queryset().filter(pk=order_id).first()
        if order is None:
            raise Http404
        return order


class PositionList(OwnRows, ListAPIView[Position]):
    """Positions, newest first; `?open=true` for those held now."""

    rows = Position.objects.select_related(*BOT_ROW)
    serializer_class = serializers.PositionSerializer
    filterset_class = filters.PositionFilter


class ProtectionPrices(Serializer[Any]):
    """Prices that an open position is left at. A long's stop lies below the market and its target above."""

    stop_price = DecimalField(max_digits=28, decimal_places=12, required=False)
    target_price = DecimalField(
        max_digits=28, decimal_places=12, required=False, allow_null=True, help_text="null: none."
    )

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            unknown = {name: ["This cannot be changed here."] for name in data if name not in self.fields}
            if unknown or not data:
                raise ValidationError(unknown or {"body": ["Give stop_price, target_price, or both."]})
        return super().to_internal_value(data)


class PositionDetail(OwnRows, RetrieveAPIView[Position]):
    """One position."""

    rows = Position.objects.select_related(*BOT_ROW)
    serializer_class = serializers.PositionSerializer
    scope = TokenScope.TRADE

    @extend_schema(request=ProtectionPrices)
    def patch(self, request: Request, pk: int) -> Response:
        """Set the stop or the target of an open position; the engine goes by them within a second."""
        position = self.get_object()
        prices = ProtectionPrices(data=request.data)
        prices.is_valid(raise_exception=True)
        edit_position(position_id=position.pk, changes=prices.validated_data, actor=person(request), now=timezone.now())
        position.refresh_from_db()
        return Response(self.get_serializer(position).data)


class TradeList(OwnRows, ListAPIView[Trade]):
    """Trades (round trips), newest first."""

    rows = Trade.objects.select_related(*BOT_ROW)
    serializer_class = serializers.TradeSerializer
    filterset_class = filters.TradeFilter
    page_order = "-closed_at"
