"""Choices for rows, derived from the vocabulary of pure code or known to rows only."""

from enum import StrEnum

from django.db import models


def choices_of(enum: type[StrEnum]) -> list[tuple[str, str]]:
    return [(member.value, member.value.replace("_", " ")) for member in enum]


class Mode(models.TextChoices):
    """Whose money an account trades."""

    PAPER = "paper", "paper"
    SANDBOX = "sandbox", "sandbox"
    LIVE = "live", "live"


class OnDailyLoss(models.TextChoices):
    """What the daily loss limit does when it is reached."""

    PAUSE = "pause", "no entries until 00:00 UTC"
    FLATTEN = "flatten", "close everything and stay off"


class OnDrawdown(models.TextChoices):
    """What the drawdown limit does when it is reached."""

    REDUCE = "reduce", "exits only"
    FLATTEN = "flatten", "close everything and stay off"


class BotState(models.TextChoices):
    STOPPED = "stopped", "stopped"
    RUNNING = "running", "running"
    PAUSED = "paused", "paused"
    ERROR = "error", "error"


class Evaluation(models.TextChoices):
    TICK = "tick", "on every tick (forming bar)"
    BAR_CLOSE = "bar_close", "on bar close"
    INTERVAL = "interval", "every N seconds"


class SignalStorage(models.TextChoices):
    SAMPLED = "sampled", "every signal behind an order, else at most one a second"
    ALL = "all", "every signal"


class SignalSource(models.TextChoices):
    TECHNICAL = "technical", "technical"
    QUANT = "quant", "quant"
    COMBINED = "combined", "combined"


class TokenScope(models.TextChoices):
    """What a token may do; each includes the ones before it."""

    READ = "read", "read"
    TRADE = "trade", "read, start and stop bots, close and protect positions"
    ADMIN = "admin", "everything its owner may"

    @property
    def rank(self) -> int:
        return list(TokenScope).index(self)
