"""The one row that every gate reads: how far trading is restricted on this whole installation."""

from decimal import Decimal

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from bots.models.choices import choices_of
from bots.trading.vocabulary import Ladder


class Installation(models.Model):
    """The kill switch of the installation, latched until a person clears it with a reason."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    ladder = models.CharField(max_length=8, choices=choices_of(Ladder), default=Ladder.ACTIVE)
    ladder_reason = models.CharField(max_length=300, blank=True)
    ladder_set_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True)
    ladder_set_at = models.DateTimeField(null=True, blank=True)
    maximum_exposure = models.DecimalField(
        max_digits=28,
        decimal_places=12,
        null=True,
        blank=True,
        validators=[MinValueValidator(Decimal(0))],
        help_text="Positions and waiting entries of all accounts of one mode together, in each quote asset. Empty: none.",
    )
    daily_loss_limit = models.DecimalField(
        max_digits=9,
        decimal_places=6,
        default=Decimal(0),
        validators=[MinValueValidator(Decimal(0)), MaxValueValidator(Decimal(1))],
        help_text="Of the day's opening equity of all accounts of one mode and quote asset: reached, no entries until "
        "00:00 UTC. 0: none.",
    )

    class Meta:
        verbose_name = verbose_name_plural = "kill switch of the installation"
        constraints = (models.CheckConstraint(condition=Q(id=1), name="installation_is_one_row"),)

    def __str__(self) -> str:
        return f"installation ({self.ladder})"
