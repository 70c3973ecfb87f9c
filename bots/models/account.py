"""Accounts: where the money is, and whose."""

from decimal import Decimal

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from bots.models.choices import Mode, OnDailyLoss, OnDrawdown, choices_of
from bots.models.querysets import OwnedQuerySet
from bots.trading.vocabulary import Ladder
from marketdata.models import Exchange


class Account(models.Model):
    """Money on one venue. Paper money keeps its truth in this database."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="accounts")
    name = models.CharField(max_length=64)
    exchange = models.ForeignKey(Exchange, on_delete=models.PROTECT, related_name="accounts")
    mode = models.CharField(max_length=8, choices=Mode, default=Mode.PAPER)
    quote_asset = models.CharField(max_length=20, default="USDT")
    opening_cash = models.DecimalField(
        max_digits=28,
        decimal_places=12,
        default=Decimal(10_000),
        validators=[MinValueValidator(Decimal(0))],
        help_text="Cash in the quote asset that the account opened with.",
    )
    maker_fee_bps = models.DecimalField(
        max_digits=8,
        decimal_places=3,
        default=Decimal(10),
        validators=[MinValueValidator(-100), MaxValueValidator(1000)],
    )
    taker_fee_bps = models.DecimalField(
        max_digits=8,
        decimal_places=3,
        default=Decimal(10),
        validators=[MinValueValidator(-100), MaxValueValidator(1000)],
    )
    latency_ms = models.PositiveIntegerField(
        default=50, validators=[MaxValueValidator(60_000)], help_text="Paper only: order to match."
    )
    ladder = models.CharField(max_length=8, choices=choices_of(Ladder), default=Ladder.ACTIVE)
    ladder_reason = models.CharField(max_length=300, blank=True)
    daily_loss_limit = models.DecimalField(
        max_digits=9,
        decimal_places=6,
        default=Decimal("0.03"),
        validators=[MinValueValidator(Decimal(0)), MaxValueValidator(Decimal(1))],
        help_text="Of the day's opening equity, over all bots: reached, no entries until 00:00 UTC. 0: none.",
    )
    maximum_drawdown = models.DecimalField(
        max_digits=9,
        decimal_places=6,
        default=Decimal("0.10"),
        validators=[MinValueValidator(Decimal(0)), MaxValueValidator(Decimal(1))],
        help_text="Of the highest equity, over all bots: reached, exits only. 0: none.",
    )
    on_daily_loss = models.CharField(
        max_length=8, choices=OnDailyLoss, default=OnDailyLoss.PAUSE, help_text="Flatten stands until it is cleared."
    )
    on_drawdown = models.CharField(
        max_length=8, choices=OnDrawdown, default=OnDrawdown.REDUCE, help_text="Either stands until it is cleared."
    )
    peak_equity = models.DecimalField(
        max_digits=28, decimal_places=12, null=True, editable=False, help_text="Highest since `peak_since`."
    )
    peak_since = models.DateTimeField(null=True, editable=False)
    live_since = models.DateTimeField(
        null=True, editable=False, help_text="When its owner let it trade real money; limits are a tenth for a day."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = OwnedQuerySet.as_manager()
    owner_path = "owner"

    class Meta:
        ordering = ("name",)
        constraints = (
            models.UniqueConstraint(fields=("owner", "name"), name="account_name_unique"),
            models.CheckConstraint(condition=Q(opening_cash__gte=0), name="account_cash_not_negative"),
        )

    def __str__(self) -> str:
        return f"{self.name} ({self.mode})"


class Balance(models.Model):
    """What an account holds of one asset. Reserved is what live orders may still use of the total."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="balances")
    asset = models.CharField(max_length=20)
    total = models.DecimalField(max_digits=28, decimal_places=12, default=Decimal(0))
    reserved = models.DecimalField(max_digits=28, decimal_places=12, default=Decimal(0))

    objects = OwnedQuerySet.as_manager()
    owner_path = "account__owner"

    class Meta:
        ordering = ("asset",)
        constraints = (
            models.UniqueConstraint(fields=("account", "asset"), name="balance_unique"),
            # Not that it is within the total: what somebody takes out of an account at a venue is gone, reserved or not.
            models.CheckConstraint(condition=Q(reserved__gte=0), name="balance_reserved_not_negative"),
        )

    def __str__(self) -> str:
        return f"{self.total} {self.asset}"

    @property
    def free(self) -> Decimal:
        return self.total - self.reserved


class JournalLeg(models.Model):
    """One leg of a double entry. The legs of an entry sum to zero for each asset; nothing is ever changed."""

    class Book(models.TextChoices):
        WALLET = "wallet", "the account's own balance"
        MARKET = "market", "the other side of a fill"
        FEES = "fees", "fees paid"
        EQUITY = "equity", "opening cash, deposits and withdrawals"

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="journal")
    entry = models.UUIDField(help_text="Groups the legs of one entry; a fill's legs carry the fill's id.")
    book = models.CharField(max_length=8, choices=Book)
    asset = models.CharField(max_length=20)
    amount = models.DecimalField(max_digits=28, decimal_places=12)
    kind = models.CharField(max_length=16, help_text="opening, fill, fee, external, deposit, withdrawal or rounding.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "journal entry"
        verbose_name_plural = "journal (double entry)"
        indexes = (models.Index(fields=("account", "asset")), models.Index(fields=("entry",)))
        constraints = (models.CheckConstraint(condition=~Q(amount=0), name="journal_leg_not_zero"),)

    def __str__(self) -> str:
        return f"{self.book} {self.amount} {self.asset}"
