"""The policy's book: what it would choose for an entry, and what it learns from the outcome, each exactly once."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

import msgspec
import numpy as np
from django.db import transaction
from msgspec import Struct

from quant.models.policy import PolicyChoice, PolicyState
from quant.policy import bandit
from quant.policy.bandit import BanditState
from quant.policy.execution import ARMS, FEATURES, Arm, EntryContext, Outcome, context_of, cost_of

MIN_OUTCOMES = 30


class Entry(Struct, frozen=True, kw_only=True):
    """An entry that a bot decided on, and how it was sent."""

    intent_id: UUID
    exchange: str
    symbol: str
    decided_ns: int
    used: Arm
    context: EntryContext


def read_state(stored: Mapping[str, object]) -> BanditState:
    """Raises msgspec.ValidationError for what is no state."""
    return msgspec.convert(stored, BanditState)


def policy_named(name: str, *, now: datetime) -> PolicyState:
    """The policy, begun when there is none of that name."""
    empty = msgspec.to_builtins(bandit.fresh(ARMS, len(FEATURES)))
    policy, _ = PolicyState.objects.get_or_create(name=name, defaults={"state": empty, "updated_at": now})
    return policy


def record_choices(name: str, entries: list[Entry], *, now: datetime) -> int:
    """Note what the policy would choose for entries that it has not seen; gives how many they are.

    Chance comes from the entry's id: asked again, it would choose the same.
    """
    policy = policy_named(name, now=now)
    state = read_state(policy.state)
    rows = [_choice(policy, state, entry, now) for entry in entries]
    # Of two that note the same entry at once, the first one's choice stands.
    PolicyChoice.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)


def _choice(policy: PolicyState, state: BanditState, entry: Entry, now: datetime) -> PolicyChoice:
    context = context_of(entry.context)
    choice = bandit.choose(state, context, np.random.default_rng(entry.intent_id.int))
    return PolicyChoice(
        policy=policy,
        intent_id=entry.intent_id,
        exchange=entry.exchange,
        symbol=entry.symbol,
        decided_ns=entry.decided_ns,
        features=dict(zip(FEATURES, context.tolist(), strict=True)),
        missing=list(entry.context.missing),
        chosen=choice.arm,
        used=entry.used,
        estimates=bandit.values(choice.estimates),
        learned_from=policy.updates,
        created_at=now,
    )


def settle(intent_id: UUID, outcome: Outcome | str, *, now: datetime) -> bool:
    """Learn from how an entry ended, or note why nothing can be learned. False when that was done before.

    One transaction: the row count says who was first, and the state that is written was read under its lock.
    """
    with transaction.atomic():
        choice = PolicyChoice.objects.filter(intent_id=intent_id, settled_at=None).first()
        if choice is None:
            return False
        policy = PolicyState.objects.select_for_update().get(pk=choice.policy_id)
        values = _unusable(outcome) if isinstance(outcome, str) else _measured(choice, outcome)
        mine = PolicyChoice.objects.filter(pk=choice.pk, settled_at=None).update(settled_at=now, **values)
        if not mine:
            return False
        reward = values.get("reward_bps")
        if isinstance(reward, float):
            context = np.array([choice.features[name] for name in FEATURES])
            state = bandit.update(read_state(policy.state), context, choice.used, reward)
            policy.state, policy.updates, policy.updated_at = msgspec.to_builtins(state), state.updates, now
            policy.save(update_fields=["state", "updates", "updated_at"])
        return True


def _unusable(reason: str) -> dict[str, object]:
    return {"unusable": reason[:120]}


def _measured(choice: PolicyChoice, outcome: Outcome) -> dict[str, object]:
    try:
        cost = cost_of(outcome)
    except ValueError as error:
        return _unusable(str(error))
    values: dict[str, object] = {
        "filled": outcome.filled,
        "shortfall_bps": cost.shortfall_bps,
        "fee_bps": cost.fee_bps,
        "reward_bps": cost.reward_bps,
    }
    other = choice.estimates[choice.chosen]
    if choice.chosen != choice.used and other["n"] >= MIN_OUTCOMES:
        values |= {"counterfactual_bps": other["mean"], "counterfactual_deviation_bps": other["deviation"]}
    return values
