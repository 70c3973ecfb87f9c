"""Fields as the API writes them."""

from typing import Any

from django.db import models
from rest_framework import serializers

from bots.models.choices import choices_of
from bots.trading.vocabulary import Action, OrderState, OrderStatus, Verdict

# These name enums in the API's description (ENUM_NAME_OVERRIDES in the settings).
ORDER_STATES = choices_of(OrderState)
ORDER_STATUSES = choices_of(OrderStatus)
VERDICTS = choices_of(Verdict)
ACTIONS = choices_of(Action)
# As models are trained: upper case.
VOTE_ACTIONS = [(action, action) for action in ("BUY", "SELL", "HOLD")]


class MoneyField(serializers.DecimalField):
    """A decimal as text, without exponent and trailing zeros."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("max_digits", 28)
        kwargs.setdefault("decimal_places", 12)
        super().__init__(**(kwargs | {"normalize_output": True, "coerce_to_string": True}))


class RowSerializer(serializers.ModelSerializer[Any]):
    """A row with decimals as text."""

    serializer_field_mapping = serializers.ModelSerializer.serializer_field_mapping | {
        models.DecimalField: MoneyField,
    }
