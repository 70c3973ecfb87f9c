"""Orders: what we meant to send, each sending of it, what became of it, and its fills."""

import uuid
from decimal import Decimal

from django.db import models
from django.db.models import F, Q

from bots.models.account import Account
from bots.models.bot import Bot
from bots.models.choices import choices_of
from bots.models.decision import Decision
from bots.models.position import Position
from bots.models.querysets import OwnedQuerySet
from bots.trading.orders import LIVE_STATES, public_status
from bots.trading.vocabulary import ExitReason, OrderState, OrderStatus, OrderType, Purpose, Side
from marketdata.models import Instrument


class Intent(models.Model):
    """What a bot decided to send, once. Its unique key makes the same decision impossible to send twice."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    bot = models.ForeignKey(Bot, on_delete=models.PROTECT, related_name="intents")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="intents")
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT)
    decision = models.ForeignKey(Decision, on_delete=models.PROTECT, related_name="intents")
    position = models.ForeignKey(Position, on_delete=models.PROTECT, null=True, related_name="intents")
    side = models.CharField(max_length=4, choices=choices_of(Side))
    purpose = models.CharField(max_length=8, choices=choices_of(Purpose))
    exit_reason = models.CharField(max_length=16, choices=choices_of(ExitReason), blank=True)
    slot = models.BigIntegerField(help_text="Bar close, N-second slot or tick time, in nanoseconds.")
    order_type = models.CharField(max_length=8, choices=choices_of(OrderType))
    quantity = models.DecimalField(max_digits=28, decimal_places=12)
    limit_price = models.DecimalField(
        max_digits=28, decimal_places=12, help_text="A market order is sent as an IOC limit at this collar."
    )
    reserved_asset = models.CharField(max_length=20)
    reserved_amount = models.DecimalField(max_digits=28, decimal_places=12, help_text="Held back at the gate.")
    reserved_left = models.DecimalField(max_digits=28, decimal_places=12, help_text="Of that, still held back.")
    stop_loss = models.DecimalField(max_digits=9, decimal_places=6, default=Decimal(0))
    take_profit = models.DecimalField(max_digits=9, decimal_places=6, default=Decimal(0))
    trailing_stop = models.DecimalField(max_digits=9, decimal_places=6, default=Decimal(0))
    created_at = models.DateTimeField(auto_now_add=True)
    closed_at = models.DateTimeField(null=True)

    objects = OwnedQuerySet.as_manager()
    owner_path = "bot__owner"

    class Meta:
        verbose_name = "order intent"
        ordering = ("-created_at",)
        indexes = (models.Index(fields=("account",), condition=Q(closed_at=None), name="intent_open_by_account"),)
        constraints = (
            models.UniqueConstraint(
                fields=("bot", "instrument", "side", "purpose", "slot"), name="intent_decided_once"
            ),
            models.UniqueConstraint(
                fields=("position",),
                condition=Q(purpose=Purpose.EXIT, closed_at=None),
                name="intent_one_exit_per_position",
            ),
            models.UniqueConstraint(
                fields=("bot", "instrument"),
                condition=Q(purpose=Purpose.ENTRY, closed_at=None),
                name="intent_one_entry_per_instrument",
            ),
            models.CheckConstraint(condition=Q(quantity__gt=0, limit_price__gt=0), name="intent_positive"),
            models.CheckConstraint(
                condition=Q(purpose=Purpose.ENTRY) | Q(position__isnull=False), name="intent_exit_has_position"
            ),
            models.CheckConstraint(
                condition=Q(reserved_left__gte=0) & Q(reserved_left__lte=F("reserved_amount")),
                name="intent_reserved_left_within",
            ),
        )

    def __str__(self) -> str:
        return f"{self.purpose} {self.side} {self.quantity}"


class OrderQuerySet(OwnedQuerySet):
    def live(self) -> "OrderQuerySet":
        return self.filter(state__in=LIVE_STATES)


class Order(models.Model):
    """One sending of an intent. Its id, as 32 hex digits, is the client order id."""

    id = models.UUIDField(primary_key=True)
    intent = models.ForeignKey(Intent, on_delete=models.PROTECT, related_name="orders")
    attempt = models.PositiveSmallIntegerField(default=1)
    bot = models.ForeignKey(Bot, on_delete=models.PROTECT, related_name="orders")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="orders")
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT)
    state = models.CharField(max_length=10, choices=choices_of(OrderState))
    side = models.CharField(max_length=4, choices=choices_of(Side))
    order_type = models.CharField(max_length=8, choices=choices_of(OrderType))
    quantity = models.DecimalField(max_digits=28, decimal_places=12)
    limit_price = models.DecimalField(max_digits=28, decimal_places=12)
    filled_quantity = models.DecimalField(max_digits=28, decimal_places=12, default=Decimal(0))
    average_price = models.DecimalField(max_digits=28, decimal_places=12, null=True)
    commission = models.DecimalField(max_digits=28, decimal_places=12, default=Decimal(0))
    commission_asset = models.CharField(max_length=20, blank=True)
    venue_order_id = models.CharField(max_length=64, blank=True)
    error = models.CharField(max_length=500, blank=True)
    cancel_requested = models.BooleanField(default=False)
    cancel_requested_at = models.DateTimeField(null=True, help_text="A cancel counts as a message.")
    epoch = models.BigIntegerField(help_text="The lease epoch at the gate.")
    sign_ts_ms = models.BigIntegerField(help_text="Venue time that the request is signed with.")
    valid_until_ms = models.BigIntegerField(help_text="Venue time after which the venue refuses the request.")
    payload_hash = models.CharField(max_length=64)
    decided_at = models.DateTimeField(help_text="Clock of the decision: the stream's own under replay.")
    created_at = models.DateTimeField(help_text="Gate commit, database clock.")
    acknowledged_at = models.DateTimeField(null=True)
    filled_at = models.DateTimeField(null=True)
    cancelled_at = models.DateTimeField(null=True)
    updated_at = models.DateTimeField()
    execution_ms = models.FloatField(null=True, help_text="Gate commit to last fill, by the database clock.")

    objects = OrderQuerySet.as_manager()
    owner_path = "bot__owner"

    class Meta:
        ordering = ("-created_at",)
        indexes = (
            models.Index(fields=("bot", "-created_at")),
            models.Index(fields=("bot", "decided_at")),
            models.Index(fields=("account", "state")),
            models.Index(fields=("account", "decided_at")),
            models.Index(
                fields=("account", "cancel_requested_at"),
                condition=Q(cancel_requested_at__isnull=False),
                name="order_cancels_by_account",
            ),
        )
        constraints = (
            models.UniqueConstraint(fields=("intent", "attempt"), name="order_attempt_unique"),
            models.UniqueConstraint(
                fields=("intent",), condition=Q(state__in=sorted(LIVE_STATES)), name="order_one_live_attempt"
            ),
            models.CheckConstraint(
                condition=Q(quantity__gt=0, filled_quantity__gte=0) & Q(filled_quantity__lte=F("quantity")),
                name="order_filled_within_quantity",
            ),
        )

    def __str__(self) -> str:
        return f"{self.side} {self.quantity} {self.state}"

    @property
    def client_order_id(self) -> str:
        return self.id.hex

    @property
    def status(self) -> OrderStatus:
        return public_status(OrderState(self.state), filled=self.filled_quantity > 0)

    @property
    def is_live(self) -> bool:
        return self.state in LIVE_STATES


class OrderEvent(models.Model):
    """One change of an order's state, with the evidence for it. Never changed, never deleted."""

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="events")
    from_state = models.CharField(max_length=10, choices=choices_of(OrderState))
    to_state = models.CharField(max_length=10, choices=choices_of(OrderState))
    evidence = models.JSONField(default=dict)
    at = models.DateTimeField()

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return f"{self.from_state} → {self.to_state}"


class Fill(models.Model):
    """A part of an order that traded."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="fills")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="fills")
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT)
    position = models.ForeignKey(Position, on_delete=models.PROTECT, related_name="fills")
    trade_id = models.CharField(max_length=64)
    side = models.CharField(max_length=4, choices=choices_of(Side))
    price = models.DecimalField(max_digits=28, decimal_places=12)
    quantity = models.DecimalField(max_digits=28, decimal_places=12)
    fee = models.DecimalField(max_digits=28, decimal_places=12)
    fee_asset = models.CharField(max_length=20)
    is_maker = models.BooleanField(default=False)
    ts_event = models.BigIntegerField()
    created_at = models.DateTimeField()

    objects = OwnedQuerySet.as_manager()
    owner_path = "account__owner"

    class Meta:
        ordering = ("-created_at",)
        constraints = (
            models.UniqueConstraint(fields=("account", "instrument", "trade_id"), name="fill_once"),
            models.CheckConstraint(condition=Q(price__gt=0, quantity__gt=0), name="fill_positive"),
        )

    def __str__(self) -> str:
        return f"{self.side} {self.quantity} at {self.price}"
