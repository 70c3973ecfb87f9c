"""What a bot's closed trades add up to, and how its results ran: kept as they come, so that nobody adds up all of them."""

from decimal import Decimal

from django.db import models

from bots.models.bot import Bot
from bots.models.querysets import OwnedQuerySet


class Standing(models.Model):
    """Sums over a bot's closed trades, written with each of them. Money in quote, after fees."""

    bot = models.OneToOneField(Bot, on_delete=models.CASCADE, related_name="standing", primary_key=True)
    trades = models.PositiveIntegerField(default=0)
    wins = models.PositiveIntegerField(default=0)
    gained = models.DecimalField(max_digits=28, decimal_places=12, default=Decimal(0))
    lost = models.DecimalField(max_digits=28, decimal_places=12, default=Decimal(0), help_text="A positive amount.")
    fees = models.DecimalField(max_digits=28, decimal_places=12, default=Decimal(0))
    day = models.DateTimeField(null=True, help_text="00:00 UTC of the last trade's day.")
    realised_day = models.DecimalField(max_digits=28, decimal_places=12, default=Decimal(0))
    week = models.DateTimeField(null=True, help_text="Monday 00:00 UTC of the last trade's week.")
    realised_week = models.DecimalField(max_digits=28, decimal_places=12, default=Decimal(0))

    objects = OwnedQuerySet.as_manager()
    owner_path = "bot__owner"

    def __str__(self) -> str:
        return f"{self.bot_id}: {self.gained - self.lost} in {self.trades} trades"


class PerformanceState(models.Model):
    """How a bot's result ran so far: peaks, the deepest fall, and moments of its returns. Results are won or lost in quote.

    `baseline_peak` is the best result since `baseline_at`, when the bot was started or its restriction was cleared: the
    drawdown limit is measured from there. `peak_result` and `maximum_drawdown` are of all time.
    """

    bot = models.OneToOneField(Bot, on_delete=models.CASCADE, related_name="performance_state", primary_key=True)
    baseline_at = models.DateTimeField(null=True)
    baseline_peak = models.DecimalField(max_digits=28, decimal_places=12, null=True)
    baseline_reason = models.CharField(max_length=300, blank=True)
    peak_result = models.DecimalField(max_digits=28, decimal_places=12, default=Decimal(0))
    maximum_drawdown = models.FloatField(default=0)
    sampled_at = models.DateTimeField(null=True)
    sampled_result = models.DecimalField(max_digits=28, decimal_places=12, null=True)
    returns = models.PositiveIntegerField(default=0, help_text="How many returns the moments are of.")
    mean = models.FloatField(default=0)
    squares = models.FloatField(default=0, help_text="Sum of squared deviations from the mean.")
    downside = models.FloatField(default=0, help_text="Sum of squared negative returns.")
    elapsed_s = models.FloatField(default=0, help_text="Seconds that the returns span together.")

    objects = OwnedQuerySet.as_manager()
    owner_path = "bot__owner"

    def __str__(self) -> str:
        return f"{self.bot_id}: peak {self.peak_result}, {self.returns} returns"
