"""Keep processes running: start, read their lines, restart what dies, stop all."""

import asyncio
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from tradingsite.local.console import Console
from tradingsite.local.plan import Child
from tradingsite.servers.children import die_with_parent

STOP_TIMEOUT_S = 10
HEALTHY_AFTER_S = 30
RESTART_DELAYS_S = (0.0, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
LINE_BYTES_MAX = 1_000_000


class Supervisor:
    """Runs children until stop(). Create and use it in the main thread: the children die with it."""

    def __init__(
        self,
        *,
        cwd: Path,
        env: Mapping[str, str],
        console: Console,
        changed: Callable[[dict[str, int]], None],
    ) -> None:
        """changed: called with {name: pid} of what runs, each time that changes."""
        self.cwd = cwd
        self.env = dict(env)
        self.console = console
        self.changed = changed
        self.processes: dict[str, asyncio.subprocess.Process] = {}
        self.groups: list[list[asyncio.Task[None]]] = []
        self.stopping = asyncio.Event()

    def start(self, children: Sequence[Child]) -> None:
        """Run a group of children; groups are stopped in the reverse of the order they were started in."""
        self.groups.append([asyncio.create_task(self.keep(child), name=child.name) for child in children])

    async def stop(self) -> None:
        """Group by group, SIGTERM to all, SIGKILL to those still there after 10 s."""
        self.stopping.set()
        for group in reversed(self.groups):
            names = {task.get_name() for task in group if not task.done()}
            self.signal_all(names, signal.SIGTERM)
            _, late = await asyncio.wait(group, timeout=STOP_TIMEOUT_S)
            if late:
                names = {task.get_name() for task in late}
                self.console.warn(f"Killed after {STOP_TIMEOUT_S} s: {', '.join(sorted(names))}")
                self.signal_all(names, signal.SIGKILL)
                await asyncio.wait(late)

    def kill(self) -> None:
        """SIGKILL to everything at once."""
        self.stopping.set()
        self.signal_all(set(self.processes), signal.SIGKILL)

    def signal_all(self, names: set[str], number: signal.Signals) -> None:
        for process in (self.processes[name] for name in names & set(self.processes)):
            with suppress(ProcessLookupError):
                if number == signal.SIGKILL:
                    # Each child leads a session of its own, so its group is its whole family.
                    os.killpg(process.pid, number)
                else:
                    process.send_signal(number)

    async def keep(self, child: Child) -> None:
        """Run child again and again until we stop: at once at first, later with growing pauses."""
        failures = 0
        while not self.stopping.is_set():
            started = time.monotonic()
            code = await self.run_once(child)
            if self.stopping.is_set():
                return
            failures = 0 if time.monotonic() - started >= HEALTHY_AFTER_S else failures
            delay_s = RESTART_DELAYS_S[min(failures, len(RESTART_DELAYS_S) - 1)]
            failures += 1
            self.console.warn(
                f"{child.name} {ending(code)}; starting it again{f' in {delay_s:g} s' if delay_s else ''}."
            )
            await self.pause(delay_s)

    async def pause(self, delay_s: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self.stopping.wait(), timeout=delay_s)

    async def run_once(self, child: Child) -> int:
        """Start child, copy its lines, give its exit code."""
        process = await asyncio.create_subprocess_exec(
            *child.command,
            cwd=self.cwd,
            env=self.env | {"PROCESS_NAME": child.name} | child.env,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=die_with_parent(signal.SIGTERM),
            limit=LINE_BYTES_MAX,
        )
        self.processes[child.name] = process
        self.tell()
        if self.stopping.is_set():
            # It started while the others were being told to stop.
            process.terminate()
        try:
            await self.copy_lines(child.name, process)
            return await process.wait()
        finally:
            del self.processes[child.name]
            self.tell()

    async def copy_lines(self, name: str, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        while True:
            try:
                line = await process.stdout.readline()
            except ValueError:
                self.console.line(name, f"(a line longer than {LINE_BYTES_MAX} bytes was left out)")
                continue
            if not line:
                return
            if text := line.decode(errors="replace").rstrip():
                self.console.line(name, text)

    def tell(self) -> None:
        self.changed({name: process.pid for name, process in self.processes.items()})


def ending(code: int) -> str:
    """How a process ended, in words."""
    if code >= 0:
        return f"ended with code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
