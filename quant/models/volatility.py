"""What a night's fit says of an instrument's volatility and of how its price goes on."""

from django.db import models


class VolatilityFit(models.Model):
    """The newest of an instrument, from its one-minute bars. Where a fit failed, parameters are those of the last good one."""

    exchange = models.CharField(max_length=32)
    symbol = models.CharField(max_length=40)
    parameters = models.JSONField(null=True, help_text="GARCH(1,1) of returns in percent: {mu, omega, alpha, beta}.")
    fitted_at = models.DateTimeField(null=True, help_text="When the parameters were fitted.")
    variance_ratio = models.FloatField(null=True, help_text="Over five bars: above 1 in a trend.")
    variance_ratio_z = models.FloatField(null=True, help_text="Its standard score, robust to changing variance.")
    returns = models.PositiveIntegerField(default=0, help_text="Returns without a hole that were looked at.")
    reason = models.CharField(max_length=300, blank=True, help_text="Why the last try gave nothing.")
    tried_at = models.DateTimeField()

    class Meta:
        ordering = ("exchange", "symbol")
        constraints = (models.UniqueConstraint(fields=("exchange", "symbol"), name="volatility_fit_unique"),)

    def __str__(self) -> str:
        return f"volatility of {self.symbol} on {self.exchange}"
