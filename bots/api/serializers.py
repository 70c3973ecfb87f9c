"""Rows of the ledger as JSON: read only."""

from typing import Any

from rest_framework import serializers

from bots.api.fields import VOTE_ACTIONS, MoneyField, RowSerializer
from bots.models import Decision, Fill, Order, Position, Signal, Trade
from bots.models.choices import choices_of
from bots.queries.records import nanoseconds_text
from bots.queries.trace import Trace, TracedOrder
from bots.trading.vocabulary import ExitReason, OrderStatus, Purpose


class InstrumentRow(RowSerializer):
    """A row of a bot on an instrument. Needs `bot` and `instrument__exchange` selected."""

    bot_name = serializers.CharField(source="bot.name", read_only=True)
    exchange = serializers.CharField(source="instrument.exchange.code", read_only=True)
    symbol = serializers.CharField(source="instrument.symbol", read_only=True)


ROW = ("id", "bot", "bot_name", "exchange", "symbol")


class SignalSerializer(InstrumentRow):
    at = serializers.SerializerMethodField(help_text="When the market was seen as it was signalled on.")

    class Meta:
        model = Signal
        fields = (
            *ROW, "source", "action", "value", "confidence", "price", "reasoning", "metadata", "omitted",
            "decision_id", "at", "created_at",
        )  # fmt: skip

    def get_at(self, signal: Signal) -> str:
        return nanoseconds_text(signal.ts_event)


class DecisionSerializer(InstrumentRow):
    at = serializers.SerializerMethodField(help_text="Time of the event that was decided on.")

    class Meta:
        model = Decision
        fields: tuple[str, ...] = (
            *ROW, "trigger", "action", "exit_reason", "verdict", "reasons", "price", "signal", "confidence",
            "coverage", "multiplier", "components", "validators", "market", "trace", "reasoning", "outlook", "repeated", "at",
            "created_at",
        )  # fmt: skip

    def get_at(self, decision: Decision) -> str:
        return nanoseconds_text(decision.ts_event)


class OrderSerializer(InstrumentRow):
    client_order_id = serializers.CharField(read_only=True)
    status = serializers.ChoiceField(choices=choices_of(OrderStatus), read_only=True)
    purpose = serializers.ChoiceField(source="intent.purpose", choices=choices_of(Purpose), read_only=True)
    exit_reason = serializers.ChoiceField(
        source="intent.exit_reason", choices=choices_of(ExitReason), allow_blank=True, read_only=True
    )
    decision = serializers.UUIDField(source="intent.decision_id", read_only=True)
    position = serializers.IntegerField(source="intent.position_id", allow_null=True, read_only=True)

    class Meta:
        model = Order
        fields: tuple[str, ...] = (
            *ROW, "client_order_id", "venue_order_id", "account", "side", "purpose", "exit_reason", "order_type",
            "status", "state", "quantity", "limit_price", "filled_quantity", "average_price", "commission",
            "commission_asset", "error", "cancel_requested", "attempt", "decision", "position", "decided_at",
            "created_at", "acknowledged_at", "filled_at", "cancelled_at", "updated_at", "execution_ms",
        )  # fmt: skip


class FillSerializer(RowSerializer):
    class Meta:
        model = Fill
        fields = (
            "id", "trade_id", "side", "price", "quantity", "fee", "fee_asset", "is_maker", "position", "created_at",
        )  # fmt: skip


class OrderEventSerializer(serializers.Serializer[Any]):
    from_state = serializers.CharField()
    to_state = serializers.CharField()
    evidence = serializers.JSONField()
    at = serializers.DateTimeField()


class OrderDetailSerializer(OrderSerializer):
    """An order with its timeline, its fills and the decision behind it."""

    events = OrderEventSerializer(many=True, read_only=True)
    fills = FillSerializer(many=True, read_only=True)
    trace = DecisionSerializer(source="intent.decision", read_only=True)

    class Meta(OrderSerializer.Meta):
        fields: tuple[str, ...] = (*OrderSerializer.Meta.fields, "events", "fills", "trace")


class TracedOrderSerializer(OrderSerializer):
    """An order with its timeline and its fills."""

    events = OrderEventSerializer(many=True, read_only=True)
    fills = FillSerializer(many=True, read_only=True)

    class Meta(OrderSerializer.Meta):
        fields: tuple[str, ...] = (*OrderSerializer.Meta.fields, "events", "fills")

    def to_representation(self, traced: TracedOrder) -> dict[str, Any]:
        return OrderSerializer(traced.order).data | {
            "events": OrderEventSerializer(traced.events, many=True).data,
            "fills": FillSerializer(traced.fills, many=True).data,
        }


class ModelVoteSerializer(serializers.Serializer[Any]):
    """What a version of a model said last before the decision; one in shadow moved nothing."""

    model = serializers.CharField()
    status = serializers.CharField()
    timeframe = serializers.CharField()
    ts_close = serializers.IntegerField(help_text="Nanoseconds: the close of the bar that it judged.")
    p_sell = serializers.FloatField()
    p_hold = serializers.FloatField()
    p_buy = serializers.FloatField()
    action = serializers.ChoiceField(choices=VOTE_ACTIONS, help_text="By the version's own threshold.")
    confidence = serializers.FloatField(help_text="The probability of the action.")


class TraceSerializer(DecisionSerializer):
    """A decision with what models said before it, and the orders that it led to."""

    orders = TracedOrderSerializer(many=True, read_only=True)
    votes = ModelVoteSerializer(many=True, read_only=True)

    class Meta(DecisionSerializer.Meta):
        fields: tuple[str, ...] = (*DecisionSerializer.Meta.fields, "votes", "orders")

    def to_representation(self, trace: Trace) -> dict[str, Any]:
        return DecisionSerializer(trace.decision).data | {
            "votes": ModelVoteSerializer(trace.votes, many=True).data,
            "orders": TracedOrderSerializer(trace.orders, many=True).data,
        }


class PositionSerializer(InstrumentRow):
    unrealised_pnl = MoneyField(read_only=True, allow_null=True)
    is_open = serializers.BooleanField(read_only=True)

    class Meta:
        model = Position
        fields = (
            *ROW, "account", "side", "is_open", "quantity", "opened_quantity", "entry_price", "exit_price",
            "mark_price", "marked_at", "unrealised_pnl", "realised_pnl", "fees", "stop_price", "target_price",
            "trailing_stop", "high_water_mark", "decision", "opened_at", "closed_at", "close_requested_at",
            "close_to", "revision", "exit_reason",
        )  # fmt: skip


class TradeSerializer(InstrumentRow):
    class Meta:
        model = Trade
        fields = (
            *ROW, "position", "decision", "side", "quantity", "entry_price", "exit_price", "fees", "realised_pnl",
            "exit_reason", "opened_at", "closed_at",
        )  # fmt: skip
