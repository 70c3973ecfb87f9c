"""What is known of an account at a real venue beside its own orders: how far it was read, and what others did there."""

from decimal import Decimal

from django.db import models

from bots.models.account import Account
from bots.models.choices import choices_of
from bots.models.order import Order
from bots.models.querysets import OwnedQuerySet
from bots.trading.vocabulary import OrderState, Side
from marketdata.models import Instrument


class VenueState(models.Model):
    """How far an account agrees with its venue. Opened by the first reconciliation, which books what the venue holds."""

    account = models.OneToOneField(Account, on_delete=models.CASCADE, related_name="venue_state")
    opened_at = models.DateTimeField(null=True)
    opened_ms = models.BigIntegerField(default=0, help_text="Venue time of the opening balances.")
    reconciled_at = models.DateTimeField(null=True, help_text="Last time that everything was read and compared.")
    problem = models.CharField(max_length=500, blank=True, help_text="What does not agree, or cannot be read.")
    problem_since = models.DateTimeField(null=True)

    objects = OwnedQuerySet.as_manager()
    owner_path = "account__owner"

    class Meta:
        verbose_name = "standing with the venue"
        verbose_name_plural = "standing with venues"

    def __str__(self) -> str:
        return self.problem or "agrees"


class VenueCursor(models.Model):
    """Up to where the trades of an account in an instrument are all booked."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="venue_cursors")
    instrument = models.ForeignKey(Instrument, on_delete=models.CASCADE)
    since_ms = models.BigIntegerField(help_text="Venue time.")

    class Meta:
        constraints = (models.UniqueConstraint(fields=("account", "instrument"), name="venue_cursor_unique"),)

    def __str__(self) -> str:
        return str(self.since_ms)


class ExternalOrder(models.Model):
    """An order at the venue that is not ours, as last seen."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="external_orders")
    venue_order_id = models.CharField(max_length=64)
    client_order_id = models.CharField(max_length=64, blank=True)
    symbol = models.CharField(max_length=40)
    side = models.CharField(max_length=4, choices=choices_of(Side))
    state = models.CharField(max_length=10, choices=choices_of(OrderState))
    quantity = models.DecimalField(max_digits=28, decimal_places=12)
    filled_quantity = models.DecimalField(max_digits=28, decimal_places=12, default=Decimal(0))
    limit_price = models.DecimalField(max_digits=28, decimal_places=12, null=True)
    first_seen_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    objects = OwnedQuerySet.as_manager()
    owner_path = "account__owner"

    class Meta:
        verbose_name = "order of others"
        verbose_name_plural = "orders of others"
        ordering = ("-first_seen_at",)
        constraints = (
            models.UniqueConstraint(fields=("account", "symbol", "venue_order_id"), name="external_order_unique"),
        )

    def __str__(self) -> str:
        return f"{self.side} {self.quantity} {self.symbol} {self.state}"


class ExternalFill(models.Model):
    """A trade of the account that belongs to no bot: somebody else's, or one that the books could not take.

    Its journal legs carry its id. `order` is the order of ours that it exceeds, where it is one.
    """

    id = models.UUIDField(primary_key=True)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="external_fills")
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, null=True, related_name="external_fills")
    trade_id = models.CharField(max_length=64)
    venue_order_id = models.CharField(max_length=64, blank=True)
    side = models.CharField(max_length=4, choices=choices_of(Side))
    price = models.DecimalField(max_digits=28, decimal_places=12)
    quantity = models.DecimalField(max_digits=28, decimal_places=12)
    fee = models.DecimalField(max_digits=28, decimal_places=12)
    fee_asset = models.CharField(max_length=20, blank=True)
    ts_event = models.BigIntegerField()
    created_at = models.DateTimeField()

    objects = OwnedQuerySet.as_manager()
    owner_path = "account__owner"

    class Meta:
        verbose_name = "trade of others"
        verbose_name_plural = "trades of others"
        ordering = ("-created_at",)
        constraints = (
            models.UniqueConstraint(fields=("account", "instrument", "trade_id"), name="external_fill_once"),
        )

    def __str__(self) -> str:
        return f"{self.side} {self.quantity} at {self.price}"
