"""Accounts as JSON; API keys go in and never come out."""

from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError as ModelError
from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from bots.api.errors import messages_of
from bots.api.fields import MoneyField, RowSerializer
from bots.credentials.secrets import Secrets
from bots.models import Account, AccountCredentials, Balance, Mode
from bots.operations.account_rules import MAX_LENGTH
from bots.operations.create_account import create_account
from marketdata.models import Exchange

WHERE = ("name", "exchange", "mode", "quote_asset", "opening_cash")
SETTINGS = (
    "maker_fee_bps",
    "taker_fee_bps",
    "latency_ms",
    "daily_loss_limit",
    "maximum_drawdown",
    "on_daily_loss",
    "on_drawdown",
)
STATE = ("ladder", "ladder_reason", "live_since", "created_at")


class CredentialsSerializer(serializers.Serializer[Any]):
    """An API key as its venue showed it. Written, never read."""

    api_key = serializers.CharField(max_length=MAX_LENGTH, write_only=True)
    secret = serializers.CharField(max_length=MAX_LENGTH, write_only=True)
    password = serializers.CharField(
        max_length=MAX_LENGTH, write_only=True, required=False, allow_blank=True, default="",
        help_text="The passphrase, where the venue has one.",
    )  # fmt: skip


class CredentialsState(RowSerializer):
    """What is known of an API key, and nothing of the key itself."""

    class Meta:
        model = AccountCredentials
        fields = ("set_at", "checked_at", "check_error", "can_trade", "can_withdraw", "is_ip_bound")


class BalanceSerializer(RowSerializer):
    free = MoneyField(read_only=True)

    class Meta:
        model = Balance
        fields = ("asset", "total", "reserved", "free")


def secrets_of(given: dict[str, Any]) -> Secrets:
    return Secrets(api_key=given["api_key"], secret=given["secret"], password=given["password"])


class AccountSerializer(RowSerializer):
    """One account. What its mode asks for is the operation's to say."""

    exchange = serializers.SlugRelatedField(slug_field="code", queryset=Exchange.objects.all())
    opening_cash = MoneyField(required=False, help_text="Paper only; elsewhere it is what the venue holds.")
    credentials = CredentialsSerializer(
        write_only=True, required=False, help_text="For a sandbox or live account: its API key."
    )
    key = serializers.SerializerMethodField(help_text="What is known of its API key; null: it has none.")
    balances = BalanceSerializer(many=True, read_only=True)

    class Meta:
        model = Account
        fields = ("id", *WHERE, *SETTINGS, "credentials", "key", "balances", *STATE)
        read_only_fields = STATE

    @extend_schema_field(CredentialsState(allow_null=True))
    def get_key(self, account: Account) -> dict[str, Any] | None:
        row = getattr(account, "credentials", None)
        return None if row is None else dict(CredentialsState(row).data)

    def create(self, validated_data: dict[str, Any]) -> Account:
        given = validated_data.pop("credentials", None)
        mode = validated_data.get("mode", Mode.PAPER)
        cash = validated_data.pop("opening_cash", Decimal(10_000) if mode == Mode.PAPER else Decimal(0))
        user = self.context["request"].user
        try:
            return create_account(
                owner=user,
                opening_cash=cash,
                actor=user,
                now=timezone.now(),
                secrets=secrets_of(given) if given else None,
                **validated_data,
            )
        except ModelError as error:
            raise serializers.ValidationError(messages_of(error)) from None
