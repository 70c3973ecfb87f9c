"""One stream of a script: the next update, however often the connection has to be made again for it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import ccxt
import structlog

from marketdata.ccxtpro.backoff import Retry
from marketdata.ccxtpro.verdicts import HANDLER_ERRORS, Verdict, explain, judge

log = structlog.get_logger(__name__)

_REJECTIONS = 3
_HELP = {
    Verdict.REFUSED: "Check the symbol's spelling, e.g. BTC/USDT, or BTC/USDT:USDT for a perpetual.",
    Verdict.DENIED: "Check the key, its permissions and the addresses it is allowed from.",
    Verdict.UNSUPPORTED: "The exchange has no such stream: choose another stream or another exchange.",
    Verdict.REJECTED: "The exchange does not want this request as it is.",
}


class StreamRefused(Exception):
    """The exchange does not give this stream, and would not on another try. The message says what to do."""


class StreamStopped(Exception):
    """stop() or close() was called while an update was waited for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """A stream's health changed. `state` is "live", "stale", "reconnecting" or "refused"."""

    exchange: str
    channel: str
    symbol: str
    state: str
    reason: str


class Stream:
    """Waits for the updates of one channel.

    watch() is ccxt's; renew() closes the sockets, and is called when nothing came for `stale_after_s` (None: never) on
    any stream of the client (`idle_s` tells for how long). `alert` hears of every change of state.
    """

    def __init__(
        self,
        *,
        exchange: str,
        channel: str,
        symbol: str,
        watch: Callable[[], Awaitable[Any]],
        renew: Callable[[], Awaitable[None]],
        idle_s: Callable[[], float],
        alert: Callable[[Alert], None],
        stale_after_s: float | None,
    ) -> None:
        self.exchange = exchange
        self.channel = channel
        self.symbol = symbol
        self.state = "connecting"
        self.updates = 0
        self.reconnects = 0
        self.reason = ""
        self._watch = watch
        self._renew = renew
        self._idle_s = idle_s
        self._alert = alert
        self._stale_after_s = stale_after_s
        self._scopes: set[asyncio.Timeout] = set()
        self._stops = 0
        self._retry = Retry()

    async def next(self) -> Any:
        """Wait for the next update. Raises StreamRefused and StreamStopped."""
        stops, rejections = self._stops, 0
        while True:
            try:
                update = await self._within(self._watch(), self._stale_after_s)
            except TimeoutError:
                if self._stops != stops:
                    raise StreamStopped(f"{self.exchange} {self.channel} {self.symbol} was stopped") from None
                await self._went_stale()
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if task is not None and task.cancelling():
                    raise
                # ccxt cancels what waits when it closes a socket.
                await self._pause(stops, "the socket was closed", 0.0)
            except (ccxt.BaseError, *HANDLER_ERRORS) as error:
                judgement = judge(error)
                rejections += 1
                if judgement.verdict in _HELP and (
                    judgement.verdict is not Verdict.REJECTED or rejections >= _REJECTIONS
                ):
                    self._change("refused", explain(error))
                    raise StreamRefused(
                        f"{self.exchange} refuses {self.channel} {self.symbol}: {explain(error)}. "
                        f"{_HELP[judgement.verdict]}"
                    ) from error
                await self._pause(stops, explain(error), judgement.wait_s)
            else:
                self.updates += 1
                self._retry.reset()
                self._change("live", "")
                return update

    def stop(self) -> None:
        """End what waits now."""
        self._stops += 1
        if self.state != "refused":
            self.state = "stopped"
        now_s = asyncio.get_running_loop().time() if self._scopes else 0.0
        for scope in self._scopes:
            scope.reschedule(now_s)

    async def _within(self, work: Awaitable[Any], limit_s: float | None) -> Any:
        async with asyncio.timeout(limit_s) as scope:
            self._scopes.add(scope)
            try:
                return await work
            finally:
                self._scopes.discard(scope)

    async def _went_stale(self) -> None:
        waited_s = self._stale_after_s or 0.0
        self._change("stale", f"nothing for {waited_s:.0f} s")
        # A quiet symbol beside busy ones is just quiet.
        if self._idle_s() >= waited_s:
            self.reconnects += 1
            await self._renew()

    async def _pause(self, stops: int, reason: str, wait_s: float) -> None:
        self.reconnects += 1
        delay_s = max(wait_s, self._retry.next_delay_s())
        self._change("reconnecting", reason)
        try:
            await self._within(asyncio.sleep(delay_s), None)
        except TimeoutError:
            raise StreamStopped(f"{self.exchange} {self.channel} {self.symbol} was stopped") from None
        if self._stops != stops:
            raise StreamStopped(f"{self.exchange} {self.channel} {self.symbol} was stopped")

    def _change(self, state: str, reason: str) -> None:
        self.reason = reason
        if state == self.state:
            return
        first = self.state in ("connecting", "stopped") and state == "live"
        self.state = state
        if first:
            return
        say = log.info if state == "live" else log.warning
        say("[WS] stream", exchange=self.exchange, channel=self.channel, symbol=self.symbol, state=state, reason=reason)
        self._alert(Alert(exchange=self.exchange, channel=self.channel, symbol=self.symbol, state=state, reason=reason))
