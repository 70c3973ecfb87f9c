"""Keys of accounts at venues, sealed, and what was seen before a bot was let onto one."""

from typing import Any

from django.conf import settings
from django.db import models

from bots.models.account import Account
from bots.models.bot import Bot
from bots.models.choices import Mode
from bots.models.querysets import OwnedQuerySet


class AccountCredentials(models.Model):
    """The API key of an account, readable only with a key that lies outside the database (bots.credentials.vault)."""

    account = models.OneToOneField(Account, on_delete=models.CASCADE, primary_key=True, related_name="credentials")
    sealed = models.TextField()
    key_id = models.CharField(max_length=16, help_text="Which of the installation's keys it is sealed with.")
    set_at = models.DateTimeField(help_text="When its owner gave it.")
    sealed_at = models.DateTimeField(help_text="When it was sealed anew with another key.")
    checked_at = models.DateTimeField(null=True, help_text="When the venue was asked last what it may do.")
    check_error = models.CharField(max_length=300, blank=True, help_text="Why that was not told; empty: it was.")
    can_trade = models.BooleanField(null=True)
    can_withdraw = models.BooleanField(null=True)
    is_ip_bound = models.BooleanField(null=True)

    objects = OwnedQuerySet.as_manager()
    owner_path = "account__owner"

    class Meta:
        verbose_name_plural = "account credentials"

    def __str__(self) -> str:
        return f"key of account {self.account_id}"


class PreflightRun(models.Model):
    """What was looked at before a bot traded, and what was found. Never changed."""

    bot = models.ForeignKey(Bot, on_delete=models.CASCADE, related_name="preflights")
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+")
    mode = models.CharField(max_length=8, choices=Mode)
    bot_version = models.PositiveIntegerField(help_text="Of the bot's settings that were looked at.")
    passed = models.BooleanField(help_text="Nothing failed; there may be warnings.")
    results = models.JSONField(help_text="name, level (ok, warning, failed), seen and advice of each check.")
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True)
    at = models.DateTimeField()

    objects = OwnedQuerySet.as_manager()
    owner_path = "bot__owner"

    class Meta:
        verbose_name = "pre-flight run"
        ordering = ("-at", "-pk")
        indexes = (models.Index(fields=("bot", "-at")),)

    def __str__(self) -> str:
        return f"{self.bot} at {self.at:%Y-%m-%d %H:%M}: {'passed' if self.passed else 'failed'}"

    @property
    def failures(self) -> list[dict[str, Any]]:
        return [result for result in self.results if result["level"] == "failed"]

    def is_about(self, bot: Bot) -> bool:
        """Whether the bot is still as it was looked at."""
        return (self.account_id, self.mode, self.bot_version) == (bot.account_id, bot.account.mode, bot.version)
