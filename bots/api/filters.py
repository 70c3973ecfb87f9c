"""Query parameters of lists."""

from typing import Any

import django_filters
from django.db.models import QuerySet

from bots.models.choices import SignalSource, choices_of
from bots.trading.orders import LIVE_STATES
from bots.trading.vocabulary import Action, OrderState, OrderStatus, Side, Verdict

CLOSED_STATES = sorted(set(OrderState) - LIVE_STATES)


class BotRows(django_filters.FilterSet):  # type: ignore[misc]
    """Rows of bots on instruments."""

    bot = django_filters.NumberFilter(field_name="bot_id", help_text="Id of a bot.")
    symbol = django_filters.CharFilter(field_name="instrument__symbol", help_text="Unified, e.g. BTC/USDT.")
    exchange = django_filters.CharFilter(field_name="instrument__exchange__code", help_text="Code of an exchange.")


class CreatedRows(BotRows):
    since = django_filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gte", help_text="ISO 8601.")
    until = django_filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="lt", help_text="ISO 8601.")


class SignalFilter(CreatedRows):
    source = django_filters.ChoiceFilter(choices=SignalSource.choices)
    action = django_filters.ChoiceFilter(choices=choices_of(Action))


class DecisionFilter(CreatedRows):
    action = django_filters.ChoiceFilter(choices=choices_of(Action))
    verdict = django_filters.ChoiceFilter(choices=choices_of(Verdict))


class OrderFilter(CreatedRows):
    state = django_filters.MultipleChoiceFilter(choices=choices_of(OrderState))
    status = django_filters.ChoiceFilter(choices=choices_of(OrderStatus), method="with_status")
    side = django_filters.ChoiceFilter(choices=choices_of(Side))

    def with_status(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        """As `bots.trading.orders.public_status` names an order's state."""
        if value == OrderStatus.PENDING:
            return rows.filter(state__in=sorted(LIVE_STATES))
        closed = rows.filter(state__in=CLOSED_STATES)
        if value == OrderStatus.FILLED:
            return closed.filter(filled_quantity__gt=0)
        cancelled = [OrderState.CANCELED, OrderState.EXPIRED]
        unfilled = closed.filter(filled_quantity=0)
        if value == OrderStatus.CANCELLED:
            return unfilled.filter(state__in=cancelled)
        return unfilled.exclude(state__in=cancelled)


class TradeFilter(BotRows):
    since = django_filters.IsoDateTimeFilter(field_name="closed_at", lookup_expr="gte", help_text="ISO 8601.")
    until = django_filters.IsoDateTimeFilter(field_name="closed_at", lookup_expr="lt", help_text="ISO 8601.")


class PositionFilter(BotRows):
    open = django_filters.BooleanFilter(
        field_name="closed_at", lookup_expr="isnull", help_text="true: held now; false: closed."
    )
