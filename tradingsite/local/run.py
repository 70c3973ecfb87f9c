"""From nothing to a running site, and back."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
import webbrowser
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from tradingsite.local.charts import install_charts
from tradingsite.local.console import Console
from tradingsite.local.plan import NO_STATEMENT_TIMEOUT, exchange, plan
from tradingsite.local.state import (
    LOGIN_FILE,
    AlreadyRunning,
    remove_state,
    take_lock,
    write_private,
    write_processes,
    write_servers,
)
from tradingsite.local.supervisor import Supervisor
from tradingsite.servers import EmbeddedServers, ServersFailed
from tradingsite.servers.children import die_with_parent, free_port

EXIT_OK, EXIT_UNEXPECTED, EXIT_USAGE, EXIT_NO_SERVER = 0, 1, 2, 5
READY_TIMEOUT_S = 90
EXCHANGE_TIMEOUT_S = 20
ANY_ADDRESS = ("0.0.0.0", "::")
SIMULATOR_PORT_FILE = "simulator_port"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    project: Path
    local_dir: Path
    host: str
    port: int
    secret_key: str
    duration_s: float | None
    browser: bool


class Refused(Exception):
    """The run cannot start; the message says why and what to do."""

    def __init__(self, message: str, *, code: int) -> None:
        super().__init__(message)
        self.code = code


def run_local(options: Options, console: Console) -> int:
    """Run until Ctrl-C, SIGTERM or the end of the duration; gives the exit code."""
    # Until the loop below takes over, SIGTERM ends the start-up like Ctrl-C: through every `finally`.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with ExitStack() as stack:
            stack.callback(take_lock(options.local_dir).close)
            refuse_taken_port(options.host, options.port)
            env = start_servers(options, console, stack)
            login = prepare(options, env, console)
            return asyncio.run(supervise(options, env, login, console))
    except (AlreadyRunning, ServersFailed) as error:
        console.warn(str(error))
        return EXIT_USAGE if isinstance(error, AlreadyRunning) else EXIT_NO_SERVER
    except Refused as error:
        console.warn(str(error))
        return error.code
    except KeyboardInterrupt:
        return EXIT_OK


def refuse_taken_port(host: str, port: int) -> None:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        # As the web server will: a port just left by another run is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise Refused(
                f"Port {port} on {host} cannot be used ({error.strerror}{holder_of(port)}). "
                f"Choose another: PORT={port + 1} make run",
                code=EXIT_USAGE,
            ) from None


def holder_of(port: int) -> str:
    try:
        for connection in psutil.net_connections(kind="tcp"):
            if connection.laddr and connection.laddr.port == port and connection.status == psutil.CONN_LISTEN:
                return (
                    f", by process {connection.pid} {psutil.Process(connection.pid).name()}" if connection.pid else ""
                )
    except psutil.Error:
        return ""
    return ""


def start_servers(options: Options, console: Console, stack: ExitStack) -> dict[str, str]:
    """Start what no address is given for; gives the environment of the children."""
    given = {name: os.environ[name] for name in ("DATABASE_URL", "REDIS_URL") if os.environ.get(name)}
    addresses = dict(given)
    if len(given) < 2:
        servers = EmbeddedServers(
            local_dir=options.local_dir, postgres="DATABASE_URL" not in given, valkey="REDIS_URL" not in given
        )
        console.say(f"Starting {' and '.join(servers.names)}, data in {servers.folder}")
        stack.callback(servers.stop)
        servers.start()
        addresses = {"DATABASE_URL": servers.database_url, "REDIS_URL": servers.redis_url} | given
    simulator_url = f"http://127.0.0.1:{simulator_port(options.local_dir)}"
    stack.callback(remove_state, options.local_dir)
    write_servers(
        options.local_dir,
        {
            "database_url": addresses["DATABASE_URL"],
            "redis_url": addresses["REDIS_URL"],
            "simulator_url": simulator_url,
        },
    )
    return {
        **os.environ,
        **addresses,
        "LOCAL_DIR": str(options.local_dir),
        "SIMULATOR_URL": simulator_url,
        "SECRET_KEY": options.secret_key,
        "PORT": str(options.port),
        "PYTHONUNBUFFERED": "1",
        **({"FORCE_COLOR": "1"} if console.coloured else {}),
    }


def simulator_port(local_dir: Path) -> int:
    """The port of last time while it is free, because rows may name it."""
    path = local_dir / SIMULATOR_PORT_FILE
    if path.exists():
        port = int(path.read_text())
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
    port = free_port()
    path.write_text(str(port))
    return port


def prepare(options: Options, env: dict[str, str], console: Console) -> str:
    """Chart library, schema, static files, demo; gives the login of a demo just made. Raises Refused."""
    if problem := install_charts(options.project):
        console.warn(problem)
    console.say("Preparing the database and the pages")
    done = subprocess.run(
        [sys.executable, "-m", "tradingsite.local.prepare"],
        cwd=options.project,
        env=env | {"PROCESS_NAME": "prepare"} | NO_STATEMENT_TIMEOUT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        preexec_fn=die_with_parent(signal.SIGTERM),
        check=False,
    )
    for line in done.stderr.splitlines() if done.returncode == 0 else ():
        console.say(line)
    if done.returncode != 0:
        raise Refused(done.stderr.strip() or done.stdout.strip(), code=done.returncode)
    if login := done.stdout.strip():
        # Kept, so that a run stopped before it printed the login has not lost it.
        write_private(options.local_dir / LOGIN_FILE, login + "\n")
    return login


def site_address(options: Options) -> str:
    """As a person on this machine types it."""
    if options.host in ("127.0.0.1", "::1", *ANY_ADDRESS):
        return f"http://localhost:{options.port}"
    return f"http://{f'[{options.host}]' if ':' in options.host else options.host}:{options.port}"


async def supervise(options: Options, env: dict[str, str], login: str, console: Console) -> int:
    site = site_address(options)
    exchange_port = int(env["SIMULATOR_URL"].rsplit(":", 1)[1])
    supervisor = Supervisor(
        cwd=options.project,
        env=env,
        console=console,
        changed=lambda children: write_processes(options.local_dir, site=site, children=children),
    )
    told = asyncio.Event()

    def stop_or_force() -> None:
        if told.is_set():
            console.warn("Forced: killing everything.")
            supervisor.kill()
        told.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop_or_force)
    supervisor.start([exchange(port=exchange_port, local_dir=options.local_dir)])
    starting = asyncio.create_task(start_others(supervisor, options, site, login, exchange_port, console))
    try:
        await asyncio.wait_for(told.wait(), timeout=options.duration_s)
        console.say("Stopping. Ctrl-C again to force.")
    except TimeoutError:
        console.say(f"Stopping after {options.duration_s:g} s.")
    starting.cancel()
    await supervisor.stop()
    console.say("Stopped. `make run` goes on from here.")
    return EXIT_OK


async def start_others(
    supervisor: Supervisor, options: Options, site: str, login: str, exchange_port: int, console: Console
) -> None:
    """Start what connects to the exchange once it listens, then announce the site."""
    if not await listens(exchange_port):
        console.warn("The simulated exchange does not listen yet; going on without it.")
    supervisor.start(plan(host=options.host, port=options.port))
    await announce(options, site, login, console)


async def listens(port: int) -> bool:
    deadline = time.monotonic() + EXCHANGE_TIMEOUT_S
    while time.monotonic() < deadline:
        with suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return True
        await asyncio.sleep(0.05)
    return False


async def announce(options: Options, site: str, login: str, console: Console) -> None:
    """Once the site answers, print where it is and how to sign in."""
    if not await answers(f"{site}/readyz"):
        console.warn(f"{site} does not answer after {READY_TIMEOUT_S} s. The lines of `web` above say why.")
        return
    path = options.local_dir / LOGIN_FILE
    kept = f"Login as on the first run; it is kept in {path}"
    if not path.exists():
        kept = "Login as before. Forgotten? `.venv/bin/python manage.py changepassword <name>` in another terminal."
    console.banner([f"Tradingsite runs at {site}", *(login.splitlines() or [kept]), "Ctrl-C stops everything."])
    if options.browser and (sys.platform == "darwin" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        await asyncio.to_thread(webbrowser.open, site)


async def answers(url: str) -> bool:
    deadline = time.monotonic() + READY_TIMEOUT_S
    async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
        while time.monotonic() < deadline:
            try:
                if (await client.get(url)).status_code == httpx.codes.OK:
                    return True
            except httpx.HTTPError:
                await asyncio.sleep(0.2)
                continue
            await asyncio.sleep(0.2)
    return False
