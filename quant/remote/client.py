"""The client of a quant server: candles out, signals in the place of the built-in ones."""

import random
import time
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import structlog
from msgspec import Struct

from marketdata.events import Bar
from quant.reading import REMOTE_PART, Component, Reading
from quant.remote.answer import NAMES
from quant.remote.breaker import Breaker
from quant.remote.latest import plain_name
from quant.remote.question import LAST_S
from quant.remote.transport import Health, Terms, Transport, Unusable

log = structlog.get_logger(__name__)

MAX_SKEW_S = 300.0
NS_PER_MS = 1_000_000


class RemoteSignals(Struct, frozen=True, kw_only=True):
    """What a quant server said. `values` in [-1, 1], those it has; `received_ns` is the moment they were asked for."""

    symbol: str
    values: dict[Component, float]
    combined: float | None
    latency_ms: float
    received_ns: int

    def readings(self) -> dict[Component, Reading]:
        """As readings that stand in for the built-in ones until they have aged out."""
        parts: dict[str, float | None] = {REMOTE_PART: 1.0, "latency_ms": self.latency_ms}
        return {
            component: Reading(value=value, quality=1.0, as_of=self.received_ns, n_obs=0, parts=parts)
            for component, value in self.values.items()
        }


class SentCandle(Struct, frozen=True, gc=False):
    timestamp: int
    open: float
    high: float
    low: float
    close: float
    volume: float


class Sent(Struct, frozen=True):
    symbol: str
    candles: list[SentCandle]
    timestamp: int


class Said(Struct, frozen=True):
    """Names that are not ours are left out."""

    speed: float | None = None
    microstructure: float | None = None
    oi: float | None = None
    options: float | None = None
    sentiment: float | None = None
    volatility: float | None = None
    combined: float | None = None


class Answer(Struct, frozen=True):
    signals: Said
    timestamp: float | str | None = None
    symbol: str | None = None


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Answer).decode


class QuantClient:
    """Asks one quant server. `signals` never raises: what is wrong stands in `health`."""

    def __init__(
        self,
        url: str,
        *,
        terms: Terms | None = None,
        breaker: Breaker | None = None,
        rng: random.Random | None = None,
        clock: Callable[[], int] = time.monotonic_ns,
        tell: Callable[[Health], Coroutine[Any, Any, None]] | None = None,
    ) -> None:
        self._transport = Transport(
            "quant",
            f"{url.rstrip('/')}/signals",
            terms=terms or Terms(),
            breaker=breaker,
            rng=rng,
            clock=clock,
            tell=tell,
        )

    @property
    def health(self) -> Health:
        return self._transport.health

    async def close(self) -> None:
        await self._transport.close()

    async def signals(self, symbol: str, candles: Sequence[Bar], now_ns: int) -> RemoteSignals | None:
        """The server's signals for closed bars, oldest first; None when it has no answer that can be believed."""
        asked = await self._transport.ask(
            question(symbol, candles, now_ns),
            lambda body: read_answer(body, symbol=symbol, now_ns=now_ns),
            now_ns=now_ns,
        )
        if asked is None:
            return None
        said, latency_ms = asked
        values = {component: value for name, component in NAMES.items() if (value := getattr(said, name)) is not None}
        log.info(
            "quant.client.answered", symbol=symbol, latency_ms=round(latency_ms, 1), **msgspec.structs.asdict(said)
        )
        return RemoteSignals(
            symbol=symbol, values=values, combined=said.combined, latency_ms=latency_ms, received_ns=now_ns
        )


def question(symbol: str, candles: Sequence[Bar], now_ns: int) -> bytes:
    """The body of a request."""
    sent = [SentCandle(bar.ts_open // NS_PER_MS, bar.open, bar.high, bar.low, bar.close, bar.volume) for bar in candles]
    return _encode(Sent(symbol, sent, now_ns // NS_PER_MS))


def read_answer(body: bytes, *, symbol: str, now_ns: int) -> Said:
    """Read and check an answer: all of it is believed, or nothing. Raises Unusable or msgspec.MsgspecError."""
    answer = _decode(body)
    if answer.symbol is not None and plain_name(answer.symbol) != plain_name(symbol):
        raise Unusable(f"an answer about {answer.symbol[:64]!r} instead of {symbol}")
    for name in Said.__struct_fields__:
        value = getattr(answer.signals, name)
        if value is not None and not -1.0 <= value <= 1.0:
            raise Unusable(f"{name} is {value:g}: allowed is -1 to 1")
    check_time(answer.timestamp, now_ns=now_ns)
    return answer.signals


def check_time(timestamp: float | str | None, *, now_ns: int) -> None:
    """Raise Unusable for an answer of another time. Seconds, milliseconds and ISO 8601 are understood; none is fine."""
    if timestamp is None:
        return
    if isinstance(timestamp, str):
        try:
            moment = datetime.fromisoformat(timestamp)
        except ValueError:
            raise Unusable(f"timestamp {timestamp[:40]!r} is no time") from None
        seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    else:
        seconds = timestamp if timestamp <= LAST_S else timestamp / 1000
    if not abs(seconds - now_ns / 1e9) <= MAX_SKEW_S:
        raise Unusable(f"timestamp {timestamp} is more than {MAX_SKEW_S:g} s from now")
