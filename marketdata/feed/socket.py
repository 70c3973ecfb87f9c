"""One socket of a venue: its connection, its parser, and what it is subscribed to."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from itertools import count

from marketdata.connection import ConnectBudget, Connection, ConnectionSettings, MessagePace
from marketdata.exchanges.adapter import (
    Acknowledgement,
    Adapter,
    Gap,
    MalformedFrame,
    Notice,
    NoticeKind,
    Parser,
    Reply,
    Stream,
    VenueEvent,
)

# What the socket itself deals with.
_OWN = frozenset({Acknowledgement, Gap, Notice, Reply})


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketOwner:
    """Who opened a socket, and hears what becomes of it. None of the functions may block.

    ending(socket): the venue is about to close it. broken(socket, reason): something on it was lost, nobody knows of
    which symbol.
    """

    frame: Callable[[bytes, int, str], None]
    opened: Callable[["Socket"], None]
    malformed: Callable[[str, int], None]
    up: Callable[["Socket"], None]
    down: Callable[["Socket", str], None]
    ending: Callable[["Socket"], None]
    broken: Callable[["Socket", str], None]
    refused: Callable[[str, str], None]
    not_allowed: Callable[[str], None]
    ended: Callable[["asyncio.Task[None]"], None]
    pace: Callable[[], Awaitable[None]]


class Socket:
    """Lives from `open` to `close`. `take` gets the market events of each frame and may be exchanged at any time."""

    def __init__(
        self,
        *,
        name: str,
        route: str,
        adapter: Adapter,
        make_parser: Callable[[], Parser],
        address: Callable[[], Awaitable[str]],
        settings: ConnectionSettings,
        owner: SocketOwner,
        take: Callable[[Sequence[VenueEvent]], None],
        budget: ConnectBudget,
        message_pace: MessagePace | None,
        rng: random.Random,
    ) -> None:
        self.name = name
        self.route = route
        self.carried: dict[str, tuple[Stream, ...]] = {}
        self.take = take
        self.connection = Connection(
            settings,
            address=address,
            on_frame=self._on_frame,
            on_up=self._on_up,
            on_down=self._on_down,
            on_not_allowed=owner.not_allowed,
            pace=owner.pace,
            budget=budget,
            message_pace=message_pace,
            rng=rng,
        )
        self._adapter = adapter
        self._make_parser = make_parser
        self._parse = make_parser().parse
        self._owner = owner
        self._task: asyncio.Task[None] | None = None
        self._joining: dict[Stream, None] = {}
        self._leaving: dict[Stream, None] = {}
        # Not asked for yet since the socket is up, and whose they are.
        self._unasked: dict[Stream, str] = {}
        # Refused together, asked for one by one: who is refused then is known.
        self._single: list[tuple[Stream, ...]] = []
        self._asked: dict[int, tuple[Stream, ...]] = {}
        self._request_ids = count(1)
        self._newest_request = 0
        self._requests = 0
        self._is_sending = False

    @property
    def is_up(self) -> bool:
        return self.connection.is_up

    @property
    def streams(self) -> int:
        return sum(map(len, self.carried.values()))

    @property
    def requests(self) -> int:
        """How many subscriptions were asked for since the socket is up."""
        return self._requests

    @property
    def unasked(self) -> set[str]:
        """Symbols of which something was not asked for yet since the socket is up."""
        return set(self._unasked.values())

    @property
    def is_subscribed(self) -> bool:
        """Whether everything was asked for."""
        return self.is_up and not self._joining and not self._single

    def open(self) -> None:
        self._task = asyncio.create_task(self.connection.run())
        self._task.add_done_callback(self._owner.ended)

    def close(self) -> "asyncio.Task[None] | None":
        """Cancel; give the task to wait for."""
        if self._task is not None:
            self._task.cancel()
        return self._task

    def carry(self, symbol: str, streams: tuple[Stream, ...]) -> None:
        self.carried[symbol] = streams
        if self.is_up:
            self._unasked.update(dict.fromkeys(streams, symbol))
            self._ask(joining=streams)

    def drop(self, symbol: str) -> None:
        streams = self.carried.pop(symbol, ())
        for stream in streams:
            self._unasked.pop(stream, None)
        if self.is_up:
            self._ask(leaving=streams)

    def ask_again(self, symbol: str, *, group: str = "") -> None:
        """Leave and join once more, all or the streams of one group: what stopped begins anew."""
        streams = [stream for stream in self.carried.get(symbol, ()) if not group or stream.group == group]
        if self.is_up and not any(stream in self._joining for stream in streams):
            self._ask(leaving=streams, joining=streams)

    def _on_up(self) -> None:
        self._parse = self._make_parser().parse
        self._owner.opened(self)
        self._leaving, self._single, self._is_sending = {}, [], False
        self._asked.clear()
        self._requests = 0
        self._joining = {}
        self._unasked = {stream: symbol for symbol, streams in self.carried.items() for stream in streams}
        self._ask(joining=list(self._unasked))
        self._owner.up(self)

    def _on_down(self, reason: str, failures: int) -> None:
        self._owner.down(self, reason)

    def _on_frame(self, frame: bytes, ts_init: int) -> bool:
        """Whether the frame brought market data."""
        self._owner.frame(frame, ts_init, self.name)
        try:
            events = self._parse(frame, ts_init=ts_init)
        except MalformedFrame as error:
            self._owner.malformed(str(error), ts_init)
            return False
        for event in events:
            if type(event) in _OWN:
                others = [event for event in events if not self._is_own(event)]
                self.take(others)
                return any(type(event) not in _OWN for event in others)
        self.take(events)
        return bool(events)

    def _is_own(self, event: VenueEvent) -> bool:
        """Deal with what concerns the socket. False for what others want to know."""
        if isinstance(event, Reply):
            self.connection.reply(event.payload, binary=event.binary)
        elif isinstance(event, Acknowledgement):
            self._acknowledged(event)
        elif isinstance(event, Gap) and not event.symbol:
            self._owner.broken(self, event.reason)
        elif isinstance(event, Notice) and event.kind is NoticeKind.ENDING:
            self._owner.ending(self)
        else:
            return False
        return True

    def _acknowledged(self, answer: Acknowledgement) -> None:
        if answer.request_id in (None, self._newest_request):
            self.connection.answered()
        if not answer.error:
            self._asked.pop(self._answered(answer), None)
            return
        request_id = self._answered(answer)
        streams = self._asked.get(request_id, ())
        if answer.symbol:
            self._owner.refused(answer.symbol, answer.error)
            if answer.whole:
                self._ask_others(request_id, answer.symbol)
            return
        self._asked.pop(request_id, None)
        together = {symbol: own for symbol in self.carried if (own := self._of(symbol, streams))}
        if len(together) == 1:
            self._owner.refused(next(iter(together)), answer.error)
        elif together:
            self._single.extend(together.values())
            self._wake()
        else:
            self._owner.refused("", answer.error)

    def _ask_others(self, request_id: int, refused: str) -> None:
        """One symbol cost the others of a request their answer: they are asked for without it, at once."""
        streams = self._asked.pop(request_id, ())
        not_wanted = self._of(refused, streams) if refused in self.carried else ()
        if not_wanted:
            others = [stream for symbol in self.carried if symbol != refused for stream in self._of(symbol, streams)]
            self._ask(joining=others)

    def _answered(self, answer: Acknowledgement) -> int:
        """Which request. Some venues do not say: those they agree to in order, and the one they refuse is the last."""
        if answer.request_id is not None:
            return answer.request_id
        return max(self._asked, default=0) if answer.error else min(self._asked, default=0)

    def _of(self, symbol: str, streams: Sequence[Stream]) -> tuple[Stream, ...]:
        return tuple(stream for stream in self.carried[symbol] if stream in streams)

    def _ask(self, *, joining: Sequence[Stream] = (), leaving: Sequence[Stream] = ()) -> None:
        for stream in leaving:
            self._joining.pop(stream, None)
        self._leaving.update(dict.fromkeys(leaving))
        self._joining.update(dict.fromkeys(joining))
        self._wake()

    def _wake(self) -> None:
        if not self._is_sending and (self._joining or self._leaving or self._single):
            self._is_sending = True
            self.connection.send(self._next_message)

    def _next_message(self) -> bytes | None:
        """As much of what waits as one message carries. Leaving goes first: who asks again stays."""
        self._is_sending = False
        message: bytes | None = None
        if self._leaving:
            message = self._adapter.unsubscribe(self._cut(self._leaving), request_id=self._next_id())
        elif self._joining:
            message = self._subscribe(self._cut(self._joining))
        elif self._single:
            message = self._subscribe(self._single.pop(0))
        self._wake()
        return message

    def _next_id(self) -> int:
        self._newest_request = next(self._request_ids)
        return self._newest_request

    def _subscribe(self, streams: Sequence[Stream]) -> bytes:
        request_id = self._next_id()
        self._requests += 1
        self._asked[request_id] = tuple(streams)
        for stream in streams:
            self._unasked.pop(stream, None)
        return self._adapter.subscribe(streams, request_id=request_id)

    def _cut(self, waiting: dict[Stream, None]) -> list[Stream]:
        """Take the streams of one message: those of one group, as many as fit."""
        group = next(iter(waiting)).group
        chunk = [stream for stream in waiting if stream.group == group][: self._adapter.limits.streams_per_message]
        for stream in chunk:
            del waiting[stream]
        return chunk
