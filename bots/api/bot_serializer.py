"""Bots as JSON, and their settings checked."""

from typing import Any

from django.core.exceptions import ValidationError as ModelError
from django.db import transaction
from django.utils import timezone
from rest_framework import serializers

from bots.api.errors import messages_of
from bots.api.fields import RowSerializer
from bots.models import Account, Bot
from bots.operations.edit_bot import edit_bot
from bots.operations.speak import audit
from marketdata.models import Instrument

SETTINGS = (
    "name", "description", "evaluation", "interval_s", "timeframes", "component_weights", "disabled_strategies",
    "strategy_weight_balance", "use_diversification_multiplier", "validator_enabled", "minimum_confidence",
    "minimum_coverage", "edge_gate", "adapt_to_regime", "regime_timeframes", "maximum_volatility", "second_source", "signal_storage",
    "order_type", "capital", "maximum_positions", "maximum_position_value", "maximum_trades_per_day",
    "maximum_entries_per_5_minutes", "stop_loss",
    "take_profit", "trailing_stop", "daily_loss_limit", "weekly_target", "maximum_drawdown", "on_daily_loss",
    "on_drawdown",
)  # fmt: skip
STATE = ("state", "state_reason", "ladder", "ladder_reason", "version", "created_at", "updated_at")


class OwnAccounts(serializers.PrimaryKeyRelatedField[Account]):
    """Accounts of the person who asks; somebody else's is as unknown as one that is not there."""

    def get_queryset(self) -> Any:
        return Account.objects.visible_to(self.context["request"].user).select_related("exchange")


class SymbolList(serializers.ListField):
    """A watchlist by unified symbols."""

    child = serializers.CharField(max_length=40)

    def to_representation(self, data: Any) -> list[str]:
        return [instrument.symbol for instrument in data.all()]


class BotSerializer(RowSerializer):
    """One bot. Ranges are the model's own: it alone says what is allowed."""

    account = OwnAccounts()
    account_name = serializers.CharField(source="account.name", read_only=True)
    exchange = serializers.CharField(source="account.exchange.code", read_only=True)
    mode = serializers.CharField(source="account.mode", read_only=True)
    symbols = SymbolList(
        source="instruments", min_length=1, max_length=500, help_text='The watchlist, e.g. ["BTC/USDT"].'
    )

    class Meta:
        model = Bot
        fields = ("id", "account", "account_name", "exchange", "mode", "symbols", *SETTINGS, *STATE)
        read_only_fields = STATE

    def build_standard_field(self, field_name: str, model_field: Any) -> Any:
        field, kwargs = super().build_standard_field(field_name, model_field)
        for name in ("min_value", "max_value", "validators"):
            kwargs.pop(name, None)
        return field, kwargs

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        symbols = attrs.get("instruments")
        account = attrs.get("account") or (self.instance.account if self.instance else None)
        # A misspelt limit that is passed over is a bot that trades without it.
        strange = sorted(set(self.initial_data) - set(self.fields))
        errors: dict[str, list[str]] = {name: ["There is no such setting."] for name in strange}
        if self.instance is not None and "account" in attrs and attrs["account"] != self.instance.account:
            errors["account"] = ["A bot stays on its account; create another bot for another account."]
        elif symbols is not None and account is not None:
            found = list(Instrument.objects.filter(exchange=account.exchange, active=True, symbol__in=symbols))
            unknown = sorted(set(symbols) - {instrument.symbol for instrument in found})
            if unknown:
                code = account.exchange.code
                errors["symbols"] = [
                    f"{', '.join(unknown)}: not known on {code}. GET /api/v1/symbols?exchange={code} lists what is."
                    if Instrument.objects.filter(exchange=account.exchange).exists()
                    else f"{', '.join(unknown)}: {code} has not told yet what it lists. A running feed asks it; the "
                    "feeds page and `manage.py doctor` say what is in the way."
                ]
            attrs["instruments"] = found
        try:
            self.checked(attrs)
        except ModelError as error:
            errors = messages_of(error) | errors
        if errors:
            raise serializers.ValidationError(errors)
        return attrs

    def checked(self, attrs: dict[str, Any]) -> None:
        """Raises django's ValidationError for settings that the model refuses."""
        values = {name: value for name, value in attrs.items() if name != "instruments"}
        bot = Bot(owner=self.context["request"].user) if self.instance is None else self.instance
        before = {name: getattr(bot, name) for name in values} if self.instance is not None else {}
        for name, value in values.items():
            setattr(bot, name, value)
        try:
            bot.full_clean()
        except ModelError:
            for name, value in before.items():
                setattr(bot, name, value)
            raise

    @transaction.atomic
    def create(self, validated_data: dict[str, Any]) -> Bot:
        instruments = validated_data.pop("instruments")
        bot: Bot = Bot.objects.create(owner=self.context["request"].user, **validated_data)
        bot.instruments.set(instruments)
        audit(actor=bot.owner, action="bot.create", target=f"bot:{bot.pk}", at=bot.created_at)
        return bot

    def update(self, instance: Bot, validated_data: dict[str, Any]) -> Bot:
        instruments = validated_data.pop("instruments", None)
        return edit_bot(
            bot_id=instance.pk,
            changes=validated_data,
            instruments=instruments,
            actor=self.context["request"].user,
            now=timezone.now(),
        )
