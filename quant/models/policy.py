"""A policy that chooses how to execute, what it would have chosen, and what became of it. It changes no order.

Times that end in `_ns` are nanoseconds since the epoch, UTC. An entry is named by its intent's id.
"""

from django.db import models
from django.db.models import Q

from quant.policy.execution import Arm

ARM_CHOICES = [(arm.value, arm.value) for arm in Arm]


class PolicyState(models.Model):
    """What a policy has learned, as data."""

    name = models.CharField(max_length=40, unique=True)
    state = models.JSONField(help_text="Sums of each arm; quant.policy.bandit reads them.")
    updates = models.PositiveIntegerField(default=0, help_text="Outcomes it has learned from.")
    updated_at = models.DateTimeField()

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return f"{self.name} after {self.updates} outcomes"


class PolicyChoice(models.Model):
    """One entry: what the policy would have chosen, what was done, and what that was worth."""

    policy = models.ForeignKey(PolicyState, on_delete=models.CASCADE, related_name="choices")
    intent_id = models.UUIDField(unique=True)
    exchange = models.CharField(max_length=32)
    symbol = models.CharField(max_length=64)
    decided_ns = models.BigIntegerField()
    features = models.JSONField(help_text="By name, as the policy saw them; 0 where missing.")
    missing = models.JSONField(default=list, help_text="Features that were not known.")
    chosen = models.CharField(max_length=8, choices=ARM_CHOICES, help_text="What the policy would have done.")
    used = models.CharField(max_length=8, choices=ARM_CHOICES, help_text="What the bot did.")
    estimates = models.JSONField(help_text="Of each arm before the outcome: mean, deviation, n, in basis points.")
    learned_from = models.PositiveIntegerField(help_text="Outcomes that the policy had seen when it chose.")
    created_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True, help_text="When the outcome was taken in, once.")
    unusable = models.CharField(max_length=120, blank=True, help_text="Why nothing can be learned from it.")
    filled = models.FloatField(null=True, help_text="Share of what was asked for.")
    shortfall_bps = models.FloatField(null=True)
    fee_bps = models.FloatField(null=True)
    reward_bps = models.FloatField(null=True, help_text="Of what was done: measured.")
    counterfactual_bps = models.FloatField(
        null=True, help_text="Of what the policy would have done instead: estimated, empty below 30 outcomes."
    )
    counterfactual_deviation_bps = models.FloatField(null=True)

    class Meta:
        ordering = ("-decided_ns",)
        indexes = (models.Index(fields=("decided_ns",), condition=Q(settled_at=None), name="policy_choice_open"),)
        constraints = (
            models.CheckConstraint(
                condition=Q(reward_bps=None) | Q(settled_at__isnull=False), name="policy_reward_is_settled"
            ),
        )

    def __str__(self) -> str:
        return f"{self.symbol}: {self.chosen}, done {self.used}"
