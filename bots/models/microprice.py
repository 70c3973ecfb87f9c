"""What the best quotes of an instrument lead to, as fitted every night."""

from django.db import models

from marketdata.models import Instrument


class MicropriceFit(models.Model):
    """The newest fit of an instrument. Without a table its microprice says nothing, and `reason` says why."""

    instrument = models.OneToOneField(Instrument, on_delete=models.CASCADE, related_name="microprice")
    table = models.JSONField(null=True, help_text="{tick, bins, adjustments, n_quotes}, or empty.")
    reason = models.CharField(max_length=300, blank=True, help_text="Why the last fit gave no table.")
    quotes = models.PositiveIntegerField(default=0, help_text="Quotes that were read.")
    tried_at = models.DateTimeField(help_text="When it was last tried.")
    fitted_at = models.DateTimeField(null=True, help_text="When the table was made.")

    class Meta:
        verbose_name = "microprice"
        ordering = ("instrument",)

    def __str__(self) -> str:
        return f"microprice of {self.instrument}"
