"""How bots have done."""

from django.db import models

from bots.models.bot import Bot
from bots.models.querysets import OwnedQuerySet


class PerformanceSnapshot(models.Model):
    """How a bot has done up to a moment. Money in the account's quote asset, ratios annual or fractions."""

    bot = models.ForeignKey(Bot, on_delete=models.CASCADE, related_name="performance")
    at = models.DateTimeField()
    equity = models.DecimalField(max_digits=28, decimal_places=12)
    realised_pnl = models.DecimalField(max_digits=28, decimal_places=12, help_text="After fees.")
    unrealised_pnl = models.DecimalField(max_digits=28, decimal_places=12)
    fees = models.DecimalField(max_digits=28, decimal_places=12)
    trades = models.PositiveIntegerField()
    win_rate = models.FloatField(null=True)
    profit_factor = models.FloatField(null=True)
    sharpe = models.FloatField(null=True)
    sortino = models.FloatField(null=True)
    maximum_drawdown = models.FloatField(default=0)

    objects = OwnedQuerySet.as_manager()
    owner_path = "bot__owner"

    class Meta:
        ordering = ("-at",)
        indexes = (models.Index(fields=("bot", "-at")),)

    def __str__(self) -> str:
        return f"{self.bot_id} at {self.at}: {self.equity}"
