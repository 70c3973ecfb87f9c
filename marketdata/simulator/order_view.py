"""Orders and fills as REST shows them: hidden, of a while ago, archived or late while those faults last."""

import time
from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from typing import Generic, TypeVar

from marketdata.simulator.errors import VenueError
from marketdata.simulator.fault_catalog import Fault
from marketdata.simulator.faults import Faults
from marketdata.simulator.orders import Fill, Order

_REMEMBERED_S = 60.0

AnyOrder = TypeVar("AnyOrder", bound=Order)
AnyFill = TypeVar("AnyFill", bound=Fill)


class OrderView(Generic[AnyOrder]):
    """Remembers what orders looked like in the last minute."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        # (seconds on the monotonic clock, the order as it was then)
        self._past: dict[int, deque[tuple[float, AnyOrder]]] = {}
        self._noted: deque[tuple[float, int]] = deque()

    def note(self, orders: Iterable[AnyOrder]) -> None:
        """Remember orders as they are now."""
        now_s = time.monotonic()
        for order in orders:
            self._past.setdefault(order.id, deque()).append((now_s, replace(order)))
            self._noted.append((now_s, order.id))
        while self._noted and self._noted[0][0] < now_s - 2 * _REMEMBERED_S:
            _, number = self._noted.popleft()
            past = self._past[number]
            past.popleft()
            if not past:
                del self._past[number]

    def order(self, order: AnyOrder | None, *, now_ms: int) -> AnyOrder | None:
        """The order as it is shown, None where it is not. Raises VenueError for an archived one."""
        now_s = time.monotonic()
        hide = self._faults.lasting(Fault.HIDE_ORDER, now_s)
        if order is None or (hide is not None and now_ms - order.time_ms < hide.milliseconds):
            return None
        archive = self._faults.lasting(Fault.ARCHIVE_ORDERS, now_s)
        if archive is not None and self._is_archived(order, now_ms=now_ms):
            words = "AnyOrder was canceled or expired with no executed qty over 90 days ago and has been archived."
            raise VenueError(archive.code, words if archive.code == -2026 else "AnyOrder does not exist.")
        stale = self._faults.lasting(Fault.STALE_ORDERS, now_s)
        return order if stale is None else self._as_of(order, now_s - stale.milliseconds / 1000)

    def _is_archived(self, order: AnyOrder, *, now_ms: int) -> bool:
        archive = self._faults.lasting(Fault.ARCHIVE_ORDERS, time.monotonic())
        return (
            archive is not None
            and not order.is_open
            and now_ms - order.update_ms >= archive.milliseconds
            and (archive.executed or not order.executed)
        )

    def _as_of(self, order: AnyOrder, moment_s: float) -> AnyOrder | None:
        past = self._past.get(order.id)
        if not past:
            return order
        before = [image for at_s, image in past if at_s <= moment_s]
        if before:
            return before[-1]
        # Nothing is remembered from then: it did not exist, or its memory was cut.
        return None if past[0][1].time_ms == past[0][1].update_ms else past[0][1]

    def orders(self, orders: Iterable[AnyOrder], *, now_ms: int) -> list[AnyOrder]:
        """Those that are shown, as they are shown."""
        kept = [order for order in orders if not self._is_archived(order, now_ms=now_ms)]
        return [shown for order in kept if (shown := self.order(order, now_ms=now_ms)) is not None]

    def recently_open(self, account_id: int) -> list[AnyOrder]:
        """Orders of an account that were changed lately: while old states are shown, one that ended may seem open."""
        if self._faults.lasting(Fault.STALE_ORDERS, time.monotonic()) is None:
            return []
        return [past[-1][1] for past in self._past.values() if past[-1][1].account_id == account_id]

    def fills(self, fills: Iterable[AnyFill], *, now_ms: int) -> list[AnyFill]:
        """Those that are told of already."""
        late = self._faults.lasting(Fault.LATE_TRADES, time.monotonic())
        return [fill for fill in fills if late is None or now_ms - fill.time_ms >= late.milliseconds]
