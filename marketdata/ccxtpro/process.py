"""The feed's side of the child process: start it, notice when it dies or goes silent, start it again."""

import asyncio
import contextlib
import os
import random
import sys
import time
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any, Protocol

import structlog

from marketdata.ccxtpro.wire import (
    Answer,
    BrokenFrame,
    Call,
    Command,
    Failed,
    FrameReader,
    Heartbeat,
    Note,
    Report,
    Start,
    decode_reports,
    frame,
)
from marketdata.connection import Backoff
from marketdata.exchanges.adapter import (
    NotAllowed,
    RateLimited,
    UnknownSymbol,
    UnsupportedTimeframe,
    VenueError,
    VenueRejected,
    VenueUnavailable,
)

log = structlog.get_logger(__name__)

_ROOT = Path(__file__).resolve().parents[2]
_READ_BYTES = 1 << 18
_SILENT_S = 10.0
# Importing ccxt takes a second, or many on a busy machine.
_START_WITHIN_S = 60.0
_END_WITHIN_S = 2.0
_ANSWER_WITHIN_S = 30.0
_ERRORS: dict[str, type[VenueError]] = {
    "unavailable": VenueUnavailable,
    "rejected": VenueRejected,
    "unknown_symbol": UnknownSymbol,
    "timeframe": UnsupportedTimeframe,
    "not_allowed": NotAllowed,
}


class Listener(Protocol):
    """Who hears the reports of the child. Only `pace` may wait."""

    def began(self) -> None:
        """A child runs: it knows nothing yet."""

    def heard(self, reports: Sequence[Report], payload: bytes) -> None: ...

    def ended(self, reason: str) -> None:
        """The child is gone; another one is started after a while."""

    def failed(self, error: BaseException) -> None:
        """An error of ours: no other child is started."""

    async def pace(self) -> None: ...


class ChildProcess:
    """One child for one exchange, shared by its stream and its REST requests. Started when first needed.

    `start` may be replaced until then. `silent_s`: without a word for so long the child is killed.
    """

    def __init__(
        self,
        start: Start,
        *,
        rng: random.Random,
        silent_s: float = _SILENT_S,
    ) -> None:
        self.start = start
        self.starts = 0
        self.set_backoff(max_s=30.0, jitter=0.1, rng=rng)
        self._silent_s = silent_s
        self._listener: Listener | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None
        self._calls: dict[int, asyncio.Future[bytes]] = {}
        self._unsent: list[Call] = []
        self._ids = count(1)
        self._heard_s = 0.0
        self._is_pacing = False
        self._last_words = ""
        self._reason = ""

    @property
    def pid(self) -> int | None:
        """The child's process id while it runs."""
        return self._process.pid if self._process is not None else None

    def set_backoff(self, *, max_s: float, jitter: float, rng: random.Random) -> None:
        """How long to wait before another child is started."""
        self._backoff = Backoff(max_s=max_s, jitter=jitter, rng=rng)

    def listen(self, listener: Listener | None) -> None:
        self._listener = listener

    def require(self) -> None:
        """Start the child unless it was."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
            self._task.add_done_callback(self._on_done)

    def send(self, command: Command) -> None:
        """Tell the child, if it runs. A new one hears nothing of what was sent before."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.write(frame([command]))

    async def call(self, method: str, **arguments: Any) -> bytes:
        """Let the child make a REST request; gives its answer as msgpack. Raises VenueError's children."""
        self.require()
        call = Call(id=next(self._ids), method=method, arguments=arguments)
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._calls[call.id] = answer
        if self._process is None:
            self._unsent.append(call)
        else:
            self.send(call)
        try:
            async with asyncio.timeout(_ANSWER_WITHIN_S):
                return await answer
        except TimeoutError:
            raise VenueUnavailable(
                f"{self.start.exchange}: ccxt:{self.start.exchange_id} did not answer {method} "
                f"within {_ANSWER_WITHIN_S:.0f} s"
            ) from None
        finally:
            self._calls.pop(call.id, None)

    async def close(self) -> None:
        """End the child. It can be started again."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        self._fail_calls("the feed was stopped")

    async def _run(self) -> None:
        while True:
            reason = await self._session()
            self._fail_calls(reason)
            delay_s = self._backoff.next_delay_s()
            log.warning("[WS] the ccxt process ended", exchange=self.start.exchange, reason=reason, again_in_s=delay_s)
            if self._listener is not None:
                self._listener.ended(reason)
            await asyncio.sleep(delay_s)

    async def _session(self) -> str:
        """One child from its start to its end. Gives the reason why it ended."""
        self._last_words = self._reason = ""
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "marketdata.ccxtpro",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                cwd=_ROOT,
                env=_environment(),
                # Whoever ends the feed with a signal to its group lets the feed end the child.
                start_new_session=True,
            )
        except OSError as error:
            return f"the ccxt process cannot be started: {error}"
        self._process = process
        self.starts += 1
        self._heard_s = time.monotonic() + _START_WITHIN_S - self._silent_s
        helpers = [asyncio.create_task(self._watch(process)), asyncio.create_task(self._read_errors(process))]
        try:
            self.send(self.start)
            unsent, self._unsent = self._unsent, []
            for call in unsent:
                if call.id in self._calls:
                    self.send(call)
            if self._listener is not None:
                self._listener.began()
            await self._read(process)
            code = await process.wait()
            said = f": {self._last_words}" if self._last_words else ""
            return self._reason or f"the ccxt process ended with code {code}{said}"
        except BrokenFrame as error:
            return f"the ccxt process sent what cannot be read: {error}"
        finally:
            self._process = None
            await self._end(process)
            for helper in helpers:
                helper.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        frames = FrameReader()
        while data := await process.stdout.read(_READ_BYTES):
            self._heard_s = time.monotonic()
            for payload in frames.feed(data):
                self._take(decode_reports(payload), payload)
            if self._listener is not None:
                # Who does not read hears no heartbeat either.
                self._is_pacing = True
                try:
                    await self._listener.pace()
                finally:
                    self._is_pacing = False
                    self._heard_s = time.monotonic()

    def _take(self, reports: list[Report], payload: bytes) -> None:
        for report in reports:
            if isinstance(report, Answer | Failed):
                self._settle(report)
            elif isinstance(report, Note) and report.kind == "failed":
                self._reason = report.message
        if self._listener is not None and not all(isinstance(report, Heartbeat) for report in reports):
            self._listener.heard(reports, payload)

    def data_flows(self) -> None:
        """The exchange gave something: the next failure is the first one again."""
        self._backoff.reset()

    def _settle(self, report: Answer | Failed) -> None:
        answer = self._calls.get(report.id)
        if answer is None or answer.done():
            return
        if isinstance(report, Answer):
            self._backoff.reset()
            answer.set_result(report.body)
            return
        message = f"{self.start.exchange}: {report.message}"
        if report.kind == "rate_limited":
            answer.set_exception(RateLimited(message, retry_after_s=report.retry_after_s))
        else:
            answer.set_exception(_ERRORS.get(report.kind, VenueUnavailable)(message))

    def _fail_calls(self, reason: str) -> None:
        self._unsent.clear()
        for answer in self._calls.values():
            if not answer.done():
                answer.set_exception(VenueUnavailable(f"{self.start.exchange}: {reason}"))

    async def _watch(self, process: asyncio.subprocess.Process) -> None:
        """Kill a child that says nothing."""
        every_s = min(1.0, self._silent_s / 4)
        looked_s = time.monotonic()
        while True:
            now_s = time.monotonic()
            if now_s - looked_s > 2 * every_s:
                # It was this process that stood still: what the child said meanwhile is yet to be read.
                self._heard_s = max(self._heard_s, now_s)
            looked_s = now_s
            if not self._is_pacing and now_s - self._heard_s > self._silent_s:
                self._reason = f"the ccxt process said nothing for {self._silent_s:.0f} s"
                _kill(process)
                return
            await asyncio.sleep(every_s)

    async def _read_errors(self, process: asyncio.subprocess.Process) -> None:
        assert process.stderr is not None
        while line := await process.stderr.readline():
            words = line.decode("utf-8", "replace").strip()
            if words:
                self._last_words = words[:300]
                log.info("[WS] ccxt says", exchange=self.start.exchange, message=self._last_words)

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        """Ask the child to end, then make it. Even when we are told to end meanwhile, none is left behind."""
        if process.stdin is not None:
            process.stdin.close()
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            try:
                async with asyncio.timeout(_END_WITHIN_S):
                    await process.wait()
            except TimeoutError:
                _kill(process)
                await process.wait()
            except asyncio.CancelledError:
                _kill(process)
                raise

    def _on_done(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None and self._listener is not None:
            self._listener.failed(error)


def _kill(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.kill()


def _environment() -> dict[str, str]:
    """What the child needs: no secrets of ours, and no proxy is lost."""
    hidden = ("SECRET", "PASSWORD", "TOKEN", "_KEY", "DATABASE_URL", "REDIS_URL", "PASSPHRASE")
    return {name: value for name, value in os.environ.items() if not any(part in name.upper() for part in hidden)}
