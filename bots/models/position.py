"""Positions and trades: what is held, and what came of it."""

from decimal import Decimal

from django.db import models
from django.db.models import Q

from bots.models.account import Account
from bots.models.bot import Bot
from bots.models.choices import choices_of
from bots.models.decision import Decision
from bots.models.querysets import OwnedQuerySet
from bots.trading.vocabulary import ExitReason, Side
from marketdata.models import Instrument


class PositionQuerySet(OwnedQuerySet):
    def open(self) -> "PositionQuerySet":
        return self.filter(closed_at=None)


class Position(models.Model):
    """What a bot holds of one instrument. At most one is open for each bot and instrument."""

    bot = models.ForeignKey(Bot, on_delete=models.PROTECT, related_name="positions")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="positions")
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT)
    side = models.CharField(max_length=4, choices=choices_of(Side), help_text="buy: long, sell: short.")
    quantity = models.DecimalField(max_digits=28, decimal_places=12, help_text="Held now; 0 when closed.")
    opened_quantity = models.DecimalField(max_digits=28, decimal_places=12, help_text="Entered in all.")
    entry_price = models.DecimalField(max_digits=28, decimal_places=12, help_text="Average over the entries.")
    cost = models.DecimalField(
        max_digits=28, decimal_places=12, help_text="In quote: what is held now was paid for with this, fees apart."
    )
    exited_quantity = models.DecimalField(max_digits=28, decimal_places=12, default=Decimal(0))
    exit_price = models.DecimalField(max_digits=28, decimal_places=12, null=True, help_text="Average over the exits.")
    dust = models.DecimalField(
        max_digits=28,
        decimal_places=12,
        default=Decimal(0),
        help_text="Too little to sell: left in the account at close.",
    )
    realised_pnl = models.DecimalField(
        max_digits=28, decimal_places=12, default=Decimal(0), help_text="In quote, before fees."
    )
    fees = models.DecimalField(max_digits=28, decimal_places=12, default=Decimal(0), help_text="In quote.")
    stop_price = models.DecimalField(max_digits=28, decimal_places=12)
    target_price = models.DecimalField(max_digits=28, decimal_places=12, null=True)
    trailing_stop = models.DecimalField(
        max_digits=9, decimal_places=6, default=Decimal(0), help_text="Fraction; 0: none."
    )
    high_water_mark = models.DecimalField(
        max_digits=28, decimal_places=12, help_text="Best price since entry (lowest for a short)."
    )
    mark_price = models.DecimalField(max_digits=28, decimal_places=12, null=True)
    marked_at = models.DateTimeField(null=True)
    decision = models.ForeignKey(Decision, on_delete=models.PROTECT, null=True, related_name="positions")
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    close_requested_at = models.DateTimeField(null=True, help_text="Somebody asked for it to be closed.")
    close_to = models.DecimalField(
        max_digits=28,
        decimal_places=12,
        default=Decimal(0),
        db_default=Decimal(0),
        help_text="What is to be left of it.",
    )
    revision = models.PositiveIntegerField(
        default=0, db_default=0, help_text="How often a person changed its stop or target."
    )
    exit_reason = models.CharField(max_length=16, choices=choices_of(ExitReason), blank=True)

    objects = PositionQuerySet.as_manager()
    owner_path = "bot__owner"

    class Meta:
        ordering = ("-opened_at",)
        indexes = (
            models.Index(fields=("account",), condition=Q(closed_at=None), name="position_open_by_account"),
            models.Index(fields=("bot", "opened_at")),
        )
        constraints = (
            models.UniqueConstraint(
                fields=("bot", "instrument"), condition=Q(closed_at=None), name="position_one_open"
            ),
            models.CheckConstraint(
                condition=(Q(closed_at=None) & Q(quantity__gt=0)) | (Q(closed_at__isnull=False) & Q(quantity=0)),
                name="position_closed_is_flat",
            ),
            models.CheckConstraint(
                condition=Q(dust__gte=0, exited_quantity__gte=0, entry_price__gt=0, stop_price__gt=0),
                name="position_amounts_sane",
            ),
        )

    def __str__(self) -> str:
        return f"{self.side} {self.quantity}"

    @property
    def is_open(self) -> bool:
        return self.closed_at is None

    @property
    def unrealised_pnl(self) -> Decimal | None:
        """In quote, before exit fees; None until it has been marked."""
        if self.mark_price is None:
            return None
        return (self.mark_price - self.entry_price) * self.quantity * Side(self.side).sign


class Trade(models.Model):
    """A round trip of ours, entry to exit, derived from the fills of its position."""

    position = models.OneToOneField(Position, on_delete=models.PROTECT, related_name="trade")
    bot = models.ForeignKey(Bot, on_delete=models.PROTECT, related_name="trades")
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT)
    decision = models.ForeignKey(Decision, on_delete=models.PROTECT, null=True, help_text="Behind the entry.")
    side = models.CharField(max_length=4, choices=choices_of(Side))
    quantity = models.DecimalField(max_digits=28, decimal_places=12)
    entry_price = models.DecimalField(max_digits=28, decimal_places=12)
    exit_price = models.DecimalField(max_digits=28, decimal_places=12)
    fees = models.DecimalField(max_digits=28, decimal_places=12)
    realised_pnl = models.DecimalField(max_digits=28, decimal_places=12, help_text="In quote, after fees.")
    exit_reason = models.CharField(max_length=16, choices=choices_of(ExitReason))
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField()

    objects = OwnedQuerySet.as_manager()
    owner_path = "bot__owner"

    class Meta:
        ordering = ("-closed_at",)
        indexes = (models.Index(fields=("bot", "-closed_at")),)

    def __str__(self) -> str:
        return f"{self.side} {self.quantity}: {self.realised_pnl}"
