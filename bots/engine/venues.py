"""The accounts at real venues that this engine's bots trade, each with its desk."""

import asyncio
from typing import Any

import structlog

from bots.engine.desk import Desk
from bots.engine.venue_desk import Connect, VenueDesk
from bots.engine.venue_notices import VenueNotices
from bots.engine.venue_orders import Post
from bots.orders.load import AccountConfig
from bots.orders.recovery import PAPER

log = structlog.get_logger(__name__)

SERVED = frozenset({"sandbox", "live"})


class Venues:
    """Begins a desk for an account when its first bot is taken, ends it with the last. `terms` are those of VenueDesk."""

    def __init__(
        self, desk: Desk, *, connect: Connect, post: Post, pause_on_external: bool = True, **terms: Any
    ) -> None:
        self._desk = desk
        self._connect = connect
        self._post = post
        self._pause_on_external = pause_on_external
        self._terms = terms
        self._desks: dict[int, VenueDesk] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}

    def of(self, account: AccountConfig) -> VenueDesk | None:
        """The account's desk; None where its mode is none that this engine can serve."""
        return self._desks.get(account.account_id) if account.mode in SERVED else None

    def begin(self, account: AccountConfig) -> None:
        """Look after an account from now on."""
        if account.mode == PAPER or account.account_id in self._desks:
            return
        if account.mode not in SERVED:
            log.error("venue.mode.unknown", account=account.account_id, mode=account.mode)
            return
        desk = self._desk
        notices = VenueNotices(
            account,
            desk.store.pool,
            bots=desk.bots,
            say=desk.say,
            halt=desk.halt,
            pause_on_external=self._pause_on_external,
        )
        found = self._desks[account.account_id] = VenueDesk(
            account, connect=self._connect, store=desk.store, bots=desk.bots, post=self._post, notices=notices,
            **self._terms,
        )  # fmt: skip
        self._tasks[account.account_id] = asyncio.create_task(found.run(), name=f"account {account.account_id}")

    async def end(self, account_id: int) -> None:
        """Its last bot is gone."""
        task, found = self._tasks.pop(account_id, None), self._desks.pop(account_id, None)
        if task is not None and found is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await found.close()

    async def close(self) -> None:
        for account_id in list(self._desks):
            await self.end(account_id)
