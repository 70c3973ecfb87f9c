"""Who did what."""

from django.conf import settings
from django.db import models

from bots.models.querysets import OwnedQuerySet


class AuditEntry(models.Model):
    """An act of a person, or of the system where `actor` is empty. Never changed, never deleted."""

    actor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True)
    action = models.CharField(max_length=48, help_text="e.g. bot.start, kill_switch.engage.")
    target = models.CharField(max_length=64, blank=True, help_text="e.g. bot:7.")
    detail = models.JSONField(default=dict)
    at = models.DateTimeField()

    objects = OwnedQuerySet.as_manager()
    owner_path = "actor"

    class Meta:
        ordering = ("-at",)
        verbose_name_plural = "audit entries"

    def __str__(self) -> str:
        return f"{self.action} {self.target}"
