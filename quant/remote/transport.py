"""Asking another server: in bounded time, with retries and a breaker, believing nothing that was not checked.

Addresses come from the settings only. Redirects are not followed, proxies and .netrc of the machine not used, cookies
not kept, compressed answers not unpacked.
"""

import asyncio
import random
import time
from collections.abc import Callable, Coroutine
from http.cookiejar import DefaultCookiePolicy
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx
import msgspec
import structlog
from msgspec import Struct

from quant.remote.breaker import Breaker, Circuit

log = structlog.get_logger(__name__)

Result = TypeVar("Result")

MAX_ANSWER_BYTES = 65_536
MAX_CONNECTIONS = 10
BACKOFF_S = 0.1
MAX_BACKOFF_S = 2.0
LATENCY_SHARE = 0.1
TELL_EVERY_NS = 10_000_000_000


class Unusable(Exception):
    """An answer that cannot be used, or none: `again` where asking again may help."""

    def __init__(self, reason: str, *, again: bool = False) -> None:
        super().__init__(reason)
        self.again = again


class Skipped(Exception):
    """The circuit opened while a call waited for its turn."""


class Terms(Struct, frozen=True, kw_only=True):
    """`timeout_ms` is for one attempt from connecting to the last byte; `attempts` counts the first."""

    timeout_ms: int = 2000
    attempts: int = 3
    token: str = ""


class Health(Struct, frozen=True, kw_only=True):
    """How a service is. `reason` says why the last call gave nothing, and is empty after one that did."""

    service: str
    address: str
    circuit: str
    reason: str
    calls: int
    failures: int
    skipped: int
    in_a_row: int
    latency_ms: float | None
    usual_latency_ms: float | None
    answered_ns: int | None
    failed_ns: int | None


class Transport:
    """Posts JSON to one address. For the tasks of one event loop; `close` it there.

    `tell` is called in a task of its own after a call, at most every ten seconds, for whoever else wants to know.
    """

    def __init__(
        self,
        service: str,
        url: str,
        *,
        terms: Terms,
        breaker: Breaker | None = None,
        rng: random.Random | None = None,
        clock: Callable[[], int] = time.monotonic_ns,
        tell: Callable[[Health], Coroutine[Any, Any, None]] | None = None,
    ) -> None:
        self.service = service
        self.terms = terms
        self._url = url
        self._breaker = breaker or Breaker()
        self._clock = clock
        self._tell = tell
        self._told_ns: int | None = None
        self._telling: set[asyncio.Task[None]] = set()
        self._rng = rng or random.Random(service)
        headers = {"Accept": "application/json", "Accept-Encoding": "identity", "Content-Type": "application/json"}
        if terms.token:
            headers["Authorization"] = f"Token {terms.token}"
        self._http = httpx.AsyncClient(
            headers=headers,
            timeout=terms.timeout_ms / 1000,
            limits=httpx.Limits(max_connections=MAX_CONNECTIONS, max_keepalive_connections=MAX_CONNECTIONS),
            follow_redirects=False,
            trust_env=False,
        )
        # In the order in which they came; waiting for a connection is no fault of the server, and its time runs from then.
        self._turns = asyncio.Semaphore(MAX_CONNECTIONS)
        self._http.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._reason = ""
        self._calls = self._failures = self._skipped = 0
        self._latency_ms: float | None = None
        self._usual_ms: float | None = None
        self._answered_ns: int | None = None
        self._failed_ns: int | None = None

    @property
    def health(self) -> Health:
        parts = urlsplit(self._url)
        return Health(
            service=self.service,
            address=f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}",
            circuit=self._breaker.state(self._clock()),
            reason=self._reason,
            calls=self._calls,
            failures=self._failures,
            skipped=self._skipped,
            in_a_row=self._breaker.in_a_row,
            latency_ms=self._latency_ms,
            usual_latency_ms=self._usual_ms,
            answered_ns=self._answered_ns,
            failed_ns=self._failed_ns,
        )

    async def close(self) -> None:
        for task in self._telling:
            task.cancel()
        await asyncio.gather(*self._telling, return_exceptions=True)
        await self._http.aclose()

    async def ask(self, body: bytes, read: Callable[[bytes], Result], *, now_ns: int) -> tuple[Result, float] | None:
        """What `read` makes of the answer, and the milliseconds it took; None with the reason in `health`.

        `read` raises Unusable, or what decoding raises, for what it does not believe. Cancelled, it leaves
        nothing behind.
        """
        try:
            return await self._ask(body, read, now_ns)
        finally:
            self._pass_on()

    async def _ask(self, body: bytes, read: Callable[[bytes], Result], now_ns: int) -> tuple[Result, float] | None:
        admitted = self._breaker.admits(self._clock())
        if admitted is None:
            self._skipped += 1
            return None
        self._calls += 1
        began = time.perf_counter()
        try:
            result = read(await self._attempts(body, admitted))
        except Skipped:
            self._breaker.abandoned(admitted)
            self._calls -= 1
            self._skipped += 1
            return None
        except (Unusable, msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError) as error:
            self._note_failure(str(error), admitted, now_ns)
            return None
        except BaseException:
            self._breaker.abandoned(admitted)
            raise
        took_ms = (time.perf_counter() - began) * 1e3
        self._note_answer(took_ms, now_ns)
        return result, took_ms

    async def _attempts(self, body: bytes, admitted: Circuit) -> bytes:
        attempts = self.terms.attempts if admitted is Circuit.CLOSED else 1
        for attempt in range(1, attempts + 1):
            try:
                async with self._turns:
                    if attempt == 1 and admitted is Circuit.CLOSED and self._is_open():
                        raise Skipped
                    return await self._once(body)
            except Unusable as error:
                if not error.again or attempt == attempts or self._is_open():
                    raise
            wait_s = min(MAX_BACKOFF_S, BACKOFF_S * 2 ** (attempt - 1))
            await asyncio.sleep(wait_s * self._rng.uniform(0.5, 1.5))
        raise AssertionError("every attempt returns or raises")

    def _is_open(self) -> bool:
        return self._breaker.state(self._clock()) is not Circuit.CLOSED

    async def _once(self, body: bytes) -> bytes:
        try:
            async with (
                asyncio.timeout(self.terms.timeout_ms / 1000),
                self._http.stream("POST", self._url, content=body) as response,
            ):
                _check_head(response)
                return await _bounded(response)
        except (TimeoutError, httpx.TimeoutException):
            raise Unusable(f"no answer within {self.terms.timeout_ms} ms", again=True) from None
        except httpx.TransportError as error:
            raise Unusable(f"{type(error).__name__}: {error}"[:200], again=True) from None
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError, RuntimeError) as error:
            raise Unusable(f"{type(error).__name__}: {error}"[:200]) from None

    def _pass_on(self) -> None:
        now = self._clock()
        if self._tell is None or (self._told_ns is not None and now - self._told_ns < TELL_EVERY_NS):
            return
        self._told_ns = now
        task = asyncio.create_task(self._tell(self.health))
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    def _note_answer(self, took_ms: float, now_ns: int) -> None:
        if self._breaker.in_a_row:
            log.info("remote.recovered", service=self.service, after_failures=self._breaker.in_a_row)
        self._breaker.succeeded()
        self._reason = ""
        self._latency_ms, self._answered_ns = took_ms, now_ns
        usual = took_ms if self._usual_ms is None else self._usual_ms
        self._usual_ms = usual + LATENCY_SHARE * (took_ms - usual)

    def _note_failure(self, reason: str, admitted: Circuit, now_ns: int) -> None:
        now = self._clock()
        was_open = self._breaker.state(now) is not Circuit.CLOSED
        self._breaker.failed(now, admitted)
        opened = not was_open and self._breaker.state(now) is Circuit.OPEN
        # Said when it is news: a server that is away would fill the log.
        say = log.warning if opened or reason != self._reason else log.debug
        say("remote.failed", service=self.service, reason=reason, circuit=str(self._breaker.state(now)))
        self._reason = reason
        self._failures += 1
        self._failed_ns = now_ns


def _check_head(response: httpx.Response) -> None:
    status = response.status_code
    if status != 200:
        raise Unusable(f"status {status}", again=status >= 500 or status == 429)
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Unusable(f"content type {kind[:50]!r} instead of application/json")
    if response.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise Unusable("a compressed answer, which was not asked for")
    length = response.headers.get("content-length", "")
    if length.isdecimal() and int(length) > MAX_ANSWER_BYTES:
        raise Unusable(f"an answer of {length} bytes: at most {MAX_ANSWER_BYTES} are read")


async def _bounded(response: httpx.Response) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            raise Unusable(f"an answer of more than {MAX_ANSWER_BYTES} bytes")
    return bytes(body)
