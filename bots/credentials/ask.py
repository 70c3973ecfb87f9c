"""What a venue says about an account and its key, asked once."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import structlog
from django.views.decorators.debug import sensitive_variables
from msgspec import Struct

from bots.brokers.account import VenueAccount
from bots.brokers.venue import KeyScope, Venue, VenueBalance, VenueUnavailable
from bots.credentials.keys import BadKeys
from bots.credentials.vault import CannotOpen
from bots.credentials.venue_account import venue_account
from bots.models import Account, AccountCredentials
from marketdata.exchanges.catalog import UnknownAdapter

log = structlog.get_logger(__name__)

TIMEOUT_S = 20.0

Connect = Callable[[VenueAccount], Awaitable[Venue]]


class VenueAnswers(Struct, frozen=True, kw_only=True):
    """None for what was not told, and why in `error`. `key_error`: the keys could not even be opened."""

    key_error: str = ""
    error: str = ""
    offset_ms: float | None = None
    scope: KeyScope | None = None
    balances: tuple[VenueBalance, ...] | None = None


@sensitive_variables()
def ask_about(account: Account, *, connect: Connect | None = None) -> VenueAnswers:
    """Ask the venue for its clock, the key's scope and the balances; never raises for what the venue does."""
    try:
        at = venue_account(account)
    except (CannotOpen, BadKeys, UnknownAdapter) as error:
        return VenueAnswers(key_error=str(error))
    # A loop of its own: reading a venue's list of markets takes long enough for browsers' sockets to notice.
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="ask-venue") as thread:
        return thread.submit(asyncio.run, _ask(at, connect or connect_to_venue)).result()


def note_answers(account: Account, answers: VenueAnswers, *, now: datetime) -> None:
    """Keep what the key was seen to be allowed, beside the key."""
    scope = answers.scope
    AccountCredentials.objects.filter(account=account).update(
        checked_at=now,
        check_error=(answers.key_error or ("" if scope else answers.error))[:300],
        can_trade=scope.can_trade if scope else None,
        can_withdraw=scope.can_withdraw if scope else None,
        is_ip_bound=scope.is_ip_bound if scope else None,
    )


async def connect_to_venue(account: VenueAccount) -> Venue:
    """Raises VenueUnavailable, also where there is no way to send orders to such an exchange."""
    # Loads ccxt: a second and 100 MB, which a web process pays only when somebody asks.
    from bots.brokers.ccxt.dialects import NoOrders
    from bots.brokers.connect import connect

    try:
        return await connect(account)
    except NoOrders as error:
        raise VenueUnavailable(str(error)) from None


async def _ask(at: VenueAccount, connect: Connect) -> VenueAnswers:
    answers = VenueAnswers()
    venue: Venue | None = None
    try:
        async with asyncio.timeout(TIMEOUT_S):
            venue = await connect(at)
            theirs_ns, ours_ns = await venue.venue_time_ns(), time.time_ns()
            answers = VenueAnswers(offset_ms=(theirs_ns - ours_ns) / 1e6)
            answers = VenueAnswers(offset_ms=answers.offset_ms, scope=await venue.scope())
            balances = tuple(await venue.balances())
            return VenueAnswers(offset_ms=answers.offset_ms, scope=answers.scope, balances=balances)
    except VenueUnavailable as error:
        return _with_error(answers, str(error) or "the venue gave no readable answer")
    except TimeoutError:
        return _with_error(answers, f"no answer within {TIMEOUT_S:.0f} s")
    finally:
        if venue is not None:
            await venue.close()


def _with_error(answers: VenueAnswers, error: str) -> VenueAnswers:
    return VenueAnswers(offset_ms=answers.offset_ms, scope=answers.scope, balances=answers.balances, error=error)
