"""Seal every account's API key anew with the installation's first key."""

from collections.abc import Callable
from datetime import datetime

from django.db import transaction
from msgspec import Struct

from bots.credentials.keys import Keyring, keyring
from bots.credentials.vault import CannotOpen, Sealed, seal_anew
from bots.models import AccountCredentials
from bots.operations.speak import audit


class Rotation(Struct, frozen=True, kw_only=True):
    """What was done. `failed`: account ids with the reason why their keys could not be opened."""

    sealed_anew: int
    already: int
    failed: dict[int, str]
    key_id: str
    unused: tuple[str, ...]


def rotate_keys(*, now: datetime, progress: Callable[[int, int], None] = lambda done, total: None) -> Rotation:
    """One transaction a row, so that it may be killed at any time and run again. Raises BadKeys.

    `progress` is told how many of how many are done. What cannot be opened is left as it is.
    """
    ring = keyring()
    ids = list(AccountCredentials.objects.order_by("pk").values_list("pk", flat=True))
    done = {True: 0, False: 0}
    failed = {}
    for number, account_id in enumerate(ids, start=1):
        try:
            done[_rotate(account_id, now)] += 1
        except CannotOpen as error:
            failed[account_id] = str(error)
        progress(number, len(ids))
    used = set(AccountCredentials.objects.values_list("key_id", flat=True))
    return Rotation(
        sealed_anew=done[True],
        already=done[False],
        failed=failed,
        key_id=ring.ids[0] if ring.ids else "",
        unused=_unused(ring, used),
    )


@transaction.atomic
def _rotate(account_id: int, now: datetime) -> bool:
    """Whether the row was sealed with another key. Locked: its owner may be replacing it."""
    row = (
        AccountCredentials.objects.select_for_update(of=("self",))
        .select_related("account")
        .filter(pk=account_id)
        .first()
    )
    if row is None:
        return False
    before = Sealed(text=row.sealed, key_id=row.key_id)
    after = seal_anew(row.account_id, before, owner_id=row.account.owner_id)
    if after is before:
        return False
    row.sealed, row.key_id, row.sealed_at = after.text, after.key_id, now
    row.save(update_fields=("sealed", "key_id", "sealed_at"))
    audit(
        actor=None, action="account.credentials.reseal", target=f"account:{row.account_id}", at=now,
        sealed_with=after.key_id,
    )  # fmt: skip
    return True


def _unused(ring: Keyring, used: set[str]) -> tuple[str, ...]:
    return tuple(name for name in ring.ids[1:] if name not in used)
