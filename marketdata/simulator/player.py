"""Plays a capture: frames in their order, at their pace, byte for byte."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from enum import StrEnum

import structlog

from marketdata.simulator.capture import Capture, Frame
from marketdata.simulator.hub import Hub
from marketdata.simulator.matching import Engine
from marketdata.simulator.replay_market import ReplayMarket, event_ms

log = structlog.get_logger()

# How long the first reader's other subscriptions are waited for.
SUBSCRIBE_WITHIN_S = 2.0
# A reader this far behind holds the replay up, so that none loses a frame.
LONGEST_QUEUE = 2_000
BATCH_FRAMES = 200


class State(StrEnum):
    WAITING = "waiting"
    PLAYING = "playing"
    FINISHED = "finished"


class ReplayClock:
    """The recording's time: standing before the start and after the end."""

    def __init__(self, capture: Capture) -> None:
        first = capture.frames[0]
        timed = next(((frame, event) for frame in capture.frames if (event := event_ms(frame))), None)
        # The recorder's clock and the venue's differ; the venue's is told.
        self._offset_ns = timed[1] * 1_000_000 - timed[0].receive_ns if timed else 0
        self._receive_ns = first.receive_ns

    def show(self, receive_ns: int) -> int:
        """Set to the moment a frame was received; gives the venue's time in ms."""
        self._receive_ns = receive_ns
        return self.now_ms()

    def now_ms(self) -> int:
        return (self._receive_ns + self._offset_ns) // 1_000_000

    def signature_now_ms(self, timestamp_ms: int) -> int:
        """The recording's time or the time of day, whichever the signer seems to use."""
        wall_ms = time.time_ns() // 1_000_000
        return min(self.now_ms(), wall_ms, key=lambda now_ms: abs(now_ms - timestamp_ms))


class Player:
    """The replay of one capture."""

    def __init__(
        self,
        capture: Capture,
        *,
        markets: Mapping[str, ReplayMarket],
        clock: ReplayClock,
        hub: Hub,
        engine: Engine,
        speed: float,
        start_on_connect: bool,
        repeat: bool,
        stands_still: Callable[[], bool],
    ) -> None:
        self._capture = capture
        self._markets = markets
        self._clock = clock
        self._hub = hub
        self._engine = engine
        self._speed = speed
        self._start_on_connect = start_on_connect
        self._repeat = repeat
        self._stands_still = stands_still
        self._started = asyncio.Event()
        self._state = State.WAITING
        self._sent: Counter[str] = Counter()
        self._totals = Counter(_kind(frame) for frame in capture.frames)

    def start(self) -> None:
        """Start without waiting for a reader."""
        self._started.set()
        self._hub.changed.set()

    async def run(self) -> None:
        while True:
            await self._wait_for_readers()
            self._state = State.PLAYING
            log.info("replay.started", file=str(self._capture.path), frames=len(self._capture.frames))
            await self._play()
            self._state = State.FINISHED
            if self._capture.cut_at_frame is not None:
                log.warning("replay.capture_cut", frame=self._capture.cut_at_frame, file=str(self._capture.path))
            log.info("replay.finished", frames=dict(self._sent))
            if not self._repeat:
                return
            self._sent.clear()
            for market in self._markets.values():
                market.reset()

    async def _wait_for_readers(self) -> None:
        if not self._start_on_connect:
            await self._started.wait()
            return
        streams = self._capture.streams
        while not self._started.is_set() and not streams & self._hub.wanted():
            await self._hub_changed()
        with suppress(TimeoutError):
            async with asyncio.timeout(SUBSCRIBE_WITHIN_S):
                while not self._started.is_set() and not streams <= self._hub.wanted():
                    await self._hub_changed()

    async def _hub_changed(self) -> None:
        self._hub.changed.clear()
        await self._hub.changed.wait()

    async def _play(self) -> None:
        frames = self._capture.frames
        first_ns, started_s, place = frames[0].receive_ns, time.monotonic(), 0
        while place < len(frames):
            started_s += await self._wait_for_slow_readers()
            due_ns = first_ns + int((time.monotonic() - started_s) * 1e9 * self._speed)
            end = min(place + BATCH_FRAMES, len(frames))
            while place < end and (not self._speed or frames[place].receive_ns <= due_ns):
                self._send(frames[place])
                place += 1
            if place < len(frames):
                ahead_s = (frames[place].receive_ns - due_ns) / 1e9 / self._speed if self._speed else 0.0
                await asyncio.sleep(max(0.0, ahead_s))

    async def _wait_for_slow_readers(self) -> float:
        """Give the seconds it took. A standstill holds it up too."""
        started_s = time.monotonic()
        # Readers drain on their own sockets' terms; there is no one event to wait for.
        while self._stands_still() or any(  # noqa: ASYNC110
            len(reader.queue) > LONGEST_QUEUE for reader in self._hub.subscribers
        ):
            await asyncio.sleep(0.002)
        return time.monotonic() - started_s

    def _send(self, frame: Frame) -> None:
        symbol = frame.stream.split("@", 1)[0].upper()
        market = self._markets[symbol]
        now_ms = self._clock.show(frame.receive_ns)
        market.tell_time(now_ms)
        trade = market.apply(frame)
        self._sent[_kind(frame)] += 1
        self._hub.publish_recorded(frame.stream, frame.wrapped, _data(frame))
        if trade is not None:
            self._engine.public_trade(
                symbol,
                price=trade.price,
                quantity=trade.quantity,
                buyer_is_maker=trade.buyer_is_maker,
                now_ms=now_ms,
            )
        else:
            self._engine.public_quote(symbol, now_ms=now_ms)

    def state(self) -> dict[str, object]:
        """GET /sim/replay."""
        return {
            "state": self._state.value,
            "file": str(self._capture.path),
            "speed": self._speed,
            "frames_sent": dict(self._sent),
            "frames_by_type": dict(self._totals),
            "frames_total": len(self._capture.frames),
            "last_ts_ms": self._clock.now_ms(),
            "cut_at_frame": self._capture.cut_at_frame,
        }


def _kind(frame: Frame) -> str:
    return frame.stream.split("@", 1)[1]


def _data(frame: Frame) -> bytes:
    """What a combined frame wraps."""
    return frame.wrapped[frame.wrapped.index(b'"data":') + 7 : -1]
