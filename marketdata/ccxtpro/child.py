"""The child process: CCXT Pro on one side, the feed on the other. It ends with the feed, however that ends."""

import asyncio
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, BinaryIO

import ccxt

from marketdata.ccxtpro.answers import Answers, UnsupportedTimeframe
from marketdata.ccxtpro.backoff import Retry
from marketdata.ccxtpro.exchange import NoSuchEnvironment, make_exchange
from marketdata.ccxtpro.names import UnknownExchange
from marketdata.ccxtpro.outbox import Outbox
from marketdata.ccxtpro.symbol_watch import SymbolWatch
from marketdata.ccxtpro.verdicts import HANDLER_ERRORS, Verdict, explain, failure_kind, judge
from marketdata.ccxtpro.wire import (
    Answer,
    Call,
    Command,
    Denied,
    Down,
    Failed,
    FrameReader,
    Heartbeat,
    Note,
    Reconnect,
    Refused,
    Report,
    Rewatch,
    Start,
    Unwatch,
    Watch,
    decode_command,
    frame,
)

_HEARTBEAT_S = 1.0
_LOOK_EVERY_S = 0.25
_READ_BYTES = 65536
_WRITE_BUFFER_BYTES = 65536
# Who asks this process to end waits 2 s.
_END_WITHIN_S = 1.5
EXIT_OK, EXIT_FAILED, EXIT_SETTINGS = 0, 1, 2


class Child:
    """Runs until `end` is called. `clock_ns` is our clock."""

    def __init__(self, start: Start, exchange: Any, *, clock_ns: Callable[[], int]) -> None:
        self.exchange = exchange
        self.outbox = Outbox()
        self.clock_ns = clock_ns
        self.code = start.exchange
        self._answers = Answers(exchange, code=start.exchange, clock_ns=clock_ns)
        self._watches: dict[str, SymbolWatch] = {}
        self._wanted: set[str] = set()
        self._works: set[asyncio.Task[None]] = set()
        self._ready = asyncio.Event()
        self._ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        # One after another: two at once would disturb each other's subscriptions.
        self._in_turn = asyncio.Lock()
        asyncio.get_running_loop().set_exception_handler(self._on_loop_error)

    async def run(self, writer: asyncio.StreamWriter) -> None:
        loops = [self._beat(), self._write(writer), self._load_markets(), self._look()]
        tasks = [asyncio.create_task(loop) for loop in loops]
        for task in tasks:
            task.add_done_callback(self._on_done)
        try:
            await self._ended
        finally:
            for task in (*tasks, *self._works):
                task.cancel()
            await self.exchange.close()

    def end(self) -> None:
        if not self._ended.done():
            self._ended.set_result(None)

    def fail(self, error: BaseException) -> None:
        if not self._ended.done():
            self._ended.set_exception(error)

    def obey(self, command: Command) -> None:
        match command:
            case Watch(symbol=symbol):
                self._wanted.add(symbol)
                self._work(self._watch(symbol))
            case Unwatch(symbol=symbol):
                self._wanted.discard(symbol)
                self._work(self._unwatch(symbol))
            case Rewatch(symbol=symbol):
                self._work(self._rewatch(symbol))
            case Reconnect():
                self._work(self.close_sockets())
            case Call():
                self._work(self._answer(command))

    def sockets_are_open(self) -> bool:
        return all(
            client.connection is not None and not client.connection.closed for client in self.exchange.clients.values()
        )

    async def close_sockets(self) -> None:
        """Close every socket. ccxt's own function leaves them where a new subscription would find them closing."""
        clients = list(self.exchange.clients.values())
        self.exchange.clients.clear()
        for client in clients:
            await client.close()

    async def _watch(self, symbol: str) -> None:
        await self._ready.wait()
        async with self._in_turn:
            if symbol not in self._wanted or symbol in self._watches:
                return
            if symbol not in self.exchange.markets:
                self.outbox.add(Refused(symbol=symbol, error=f"{self.exchange.id} does not list {symbol}"))
                return
            watch = self._watches[symbol] = SymbolWatch(symbol, self)
            watch.start()

    async def _unwatch(self, symbol: str) -> None:
        async with self._in_turn:
            if symbol not in self._wanted and symbol in self._watches:
                await self._watches.pop(symbol).stop()

    async def _rewatch(self, symbol: str) -> None:
        async with self._in_turn:
            if symbol in self._watches:
                await self._watches[symbol].rewatch()

    async def _answer(self, call: Call) -> None:
        try:
            if call.method not in ("listings", "server_time_ns"):
                await self._ready.wait()
            body = await self._answers.answer(call.method, call.arguments)
        except UnsupportedTimeframe as error:
            self.outbox.add(Failed(id=call.id, kind="timeframe", message=str(error)))
        except (ccxt.BaseError, *HANDLER_ERRORS) as error:
            kind, wait_s = failure_kind(error)
            self.outbox.add(Failed(id=call.id, kind=kind, message=explain(error), retry_after_s=wait_s))
        else:
            self.outbox.add(Answer(id=call.id, body=body))

    async def _load_markets(self) -> None:
        """Nothing can be watched before the venue has told what it lists."""
        retry = Retry()
        while True:
            try:
                await self.exchange.load_markets()
            except (ccxt.BaseError, *HANDLER_ERRORS) as error:
                judgement, message = judge(error), explain(error)
                if judgement.note:
                    self.outbox.add(Note(kind=judgement.note, message=message))
                if judgement.verdict is Verdict.DENIED:
                    self.outbox.add(Denied(message=message))
                self.outbox.add(Down(symbol="", reason=f"no list of instruments: {message}"))
                await asyncio.sleep(max(judgement.wait_s, retry.next_delay_s()))
            else:
                break
        self._ready.set()

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            for watch in list(self._watches.values()):
                await watch.look(self.clock_ns() / 1e9)

    async def _beat(self) -> None:
        while True:
            self.outbox.add(Heartbeat())
            await asyncio.sleep(_HEARTBEAT_S)

    async def _write(self, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(frame(await self.outbox.take()))
            await writer.drain()

    def _work(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._works.add(task)
        task.add_done_callback(self._works.discard)
        task.add_done_callback(self._on_done)

    def _on_done(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if isinstance(error, BrokenPipeError | ConnectionResetError):
            self.end()
        elif error is not None:
            self.fail(error)

    def _on_loop_error(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """An error in a callback of ccxt ends its reading of that socket, silently: begin with new ones."""
        error = context.get("exception")
        told = explain(error) if error is not None else str(context.get("message"))
        if "handle" in context and error is not None and not self._ended.done():
            self.outbox.add(Note(kind="rejected", message=f"ccxt could not read a message: {told}"))
            self._work(self.close_sockets())
        else:
            sys.stderr.write(f"{told}\n")


async def serve(start: Start, commands: "CommandReader", pipe: BinaryIO, *, clock_ns: Callable[[], int]) -> int:
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, pipe)
    transport.set_write_buffer_limits(high=_WRITE_BUFFER_BYTES)
    writer = asyncio.StreamWriter(transport, protocol, None, loop)
    try:
        exchange = make_exchange(
            start.exchange_id,
            environment=start.environment,
            rest_url=start.rest_url,
            websocket_url=start.websocket_url,
            credentials=start.credentials,
            options=start.options,
        )
    except (UnknownExchange, NoSuchEnvironment, ccxt.BaseError) as error:
        told: list[Report] = [Note(kind="failed", message=explain(error)), Down(symbol="", reason=explain(error))]
        writer.write(frame(told))
        await writer.drain()
        return EXIT_SETTINGS
    child = Child(start, exchange, clock_ns=clock_ns)
    commands.attach(
        lambda command: loop.call_soon_threadsafe(child.obey, command), lambda: loop.call_soon_threadsafe(child.end)
    )
    await child.run(writer)
    return EXIT_OK


class CommandReader:
    """Reads stdin in a thread of its own, so that its end is noticed even while the event loop is stuck."""

    def __init__(self, stdin: BinaryIO) -> None:
        self._stdin = stdin
        self._frames = FrameReader()
        self._waiting: list[Command] = []
        self._end: Callable[[], object] | None = None

    def first(self) -> Start | None:
        """Wait for the Start command; None at the end of the stream."""
        while not self._waiting:
            if not self._read():
                return None
        command = self._waiting.pop(0)
        if not isinstance(command, Start):
            raise TypeError(f"the first command must be Start, not {command!r}")
        return command

    def attach(self, obey: Callable[[Command], object], end: Callable[[], object]) -> None:
        """From now on give commands to `obey`, and call `end` at the end of the stream."""
        self._end = end
        threading.Thread(target=self._run, args=(obey,), daemon=True, name="commands").start()
        signal.signal(signal.SIGTERM, lambda *_: self.stop())

    def stop(self) -> None:
        threading.Timer(_END_WITHIN_S, os._exit, (EXIT_FAILED,)).start()
        if self._end is not None:
            self._end()

    def _run(self, obey: Callable[[Command], object]) -> None:
        try:
            while True:
                for command in self._waiting:
                    obey(command)
                self._waiting.clear()
                if not self._read():
                    break
        finally:
            self.stop()

    def _read(self) -> bool:
        data = os.read(self._stdin.fileno(), _READ_BYTES)
        for payload in self._frames.feed(data):
            self._waiting.extend(decode_command(payload))
        return bool(data)


def main() -> int:
    # A terminal's Ctrl-C reaches every process of its group: the feed decides when this one ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # ccxt prints: stdout becomes stderr for everything but the reports.
    pipe = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    commands = CommandReader(sys.stdin.buffer)
    start = commands.first()
    if start is None:
        return EXIT_OK
    clock_ns = time.time_ns  # noqa: TID251 - the process's door
    return asyncio.run(serve(start, commands, pipe, clock_ns=clock_ns))
