"""Who leads a venue's feed, by the database's clock. One process publishes; the others stand by.

The row count decides races: an update that finds its condition gone changes nothing.
"""

import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from zlib import crc32

from django.db import connection, transaction
from django.db.models.functions import Now

from marketdata.models import FeedLease

LEASE_TTL = timedelta(seconds=6)
# Who falls asleep with the lease's row in hand has it taken away by the database before the lease ends.
_LONGEST_PAUSE_MS = 3_000


class LeaseLost(RuntimeError):
    """Another process leads this venue's feed now."""


def new_holder() -> str:
    """Name this process: host, process id, a part that tells it from a later one with the same id, and the machine."""
    return f"{socket.gethostname()[:32]}:{os.getpid()}:{secrets.token_hex(4)}:{_machine()}"


def take_lease(*, exchange_id: int, holder: str) -> int | None:
    """Become the leader if nobody leads. Gives the new epoch, or None while another leads."""
    with transaction.atomic():
        _bound_pauses()
        FeedLease.objects.get_or_create(exchange_id=exchange_id)
        lease = FeedLease.objects.select_for_update().annotate(now=Now()).get(exchange_id=exchange_id)
        led = lease.holder and lease.expires_at is not None and lease.expires_at > lease.now
        if led and lease.holder != holder and not _is_dead_here(lease.holder):
            return None
        lease.holder = holder
        lease.epoch += 1
        lease.expires_at = lease.now + LEASE_TTL
        lease.save()
        return lease.epoch


def renew_lease(*, exchange_id: int, holder: str, epoch: int) -> bool:
    """Whether this process still leads."""
    rows = FeedLease.objects.filter(exchange_id=exchange_id, holder=holder, epoch=epoch)
    return rows.update(expires_at=Now() + LEASE_TTL) == 1


@contextmanager
def as_leader(*, exchange_id: int, epoch: int) -> Iterator[None]:
    """A transaction during which nobody else can become the leader.

    A process that was paused and wakes up writes nothing over what its successor wrote: raises LeaseLost then.
    """
    with transaction.atomic():
        _bound_pauses()
        leases = FeedLease.objects.filter(exchange_id=exchange_id)
        if (
            not leases.filter(epoch=epoch).update(expires_at=Now() + LEASE_TTL)
            and leases.filter(epoch__gt=epoch).exists()
        ):
            raise LeaseLost
        yield


def give_lease_back(*, exchange_id: int, holder: str, epoch: int) -> None:
    FeedLease.objects.filter(exchange_id=exchange_id, holder=holder, epoch=epoch).update(holder="", expires_at=None)


def _bound_pauses() -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL idle_in_transaction_session_timeout = {_LONGEST_PAUSE_MS}")


def _machine() -> str:
    """Where a process id means the same process: two containers may have one host name, and each a process 1."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text()
        namespace = Path("/proc/self/ns/pid").stat().st_ino
    except OSError:
        return ""
    return f"{crc32(f'{boot}{namespace}'.encode()):08x}"


def _is_dead_here(holder: str) -> bool:
    """Whether the holder was a process of this machine that is gone: no need to wait for its lease to end."""
    host, process_id, _, machine = (*holder.split(":"), "", "", "", "")[:4]
    if host != socket.gethostname()[:32] or machine != _machine() or not process_id.isdecimal():
        return False
    if int(process_id) == os.getpid():
        return True
    try:
        os.kill(int(process_id), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
