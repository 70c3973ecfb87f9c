"""Word to a supervisor, over a real datagram socket."""

import os
import socket

import pytest

from marketdata.systemd import Notifier


@pytest.fixture
def supervisor(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(5)
        yield listener


def heard(listener: socket.socket) -> str:
    return listener.recv(4096).decode()


def nothing_waits(listener: socket.socket) -> bool:
    listener.setblocking(False)
    try:
        listener.recv(4096)
    except BlockingIOError:
        return True
    return False


def test_the_words_of_a_run_in_their_order(supervisor):
    notifier = Notifier({"NOTIFY_SOCKET": supervisor.getsockname()})
    notifier.ready()
    notifier.status("binance 2/2 live")
    notifier.reloading(1_500_000)
    notifier.stopping()
    words = ["READY=1", "STATUS=binance 2/2 live", "RELOADING=1\nMONOTONIC_USEC=1500", "STOPPING=1"]
    assert [heard(supervisor) for _ in words] == words


def test_a_status_is_told_when_it_changed(supervisor):
    notifier = Notifier({"NOTIFY_SOCKET": supervisor.getsockname()})
    for text in ("1/2 live", "1/2 live", "2/2 live\nsecond line"):
        notifier.status(text)
    assert [heard(supervisor), heard(supervisor)] == ["STATUS=1/2 live", "STATUS=2/2 live"]
    assert nothing_waits(supervisor)


def test_the_watchdog_hears_of_us_twice_in_its_time(supervisor):
    notifier = Notifier({"NOTIFY_SOCKET": supervisor.getsockname(), "WATCHDOG_USEC": "10000000"})
    beats = 0
    for second in range(100, 131):
        notifier.beat(float(second))
    supervisor.setblocking(False)
    while True:
        try:
            assert supervisor.recv(64) == b"WATCHDOG=1"
        except BlockingIOError:
            break
        beats += 1
    assert beats == 7


@pytest.mark.parametrize(
    "environ", [{}, {"WATCHDOG_USEC": "10000000", "WATCHDOG_PID": str(os.getpid() + 1)}, {"WATCHDOG_USEC": "soon"}]
)
def test_a_watchdog_of_somebody_else_is_not_fed(supervisor, environ):
    Notifier({"NOTIFY_SOCKET": supervisor.getsockname(), **environ}).beat(1e6)
    assert nothing_waits(supervisor)


def test_an_abstract_address():
    name = f"\0tradingsite-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(name)
        listener.settimeout(5)
        Notifier({"NOTIFY_SOCKET": "@" + name[1:]}).ready()
        assert heard(listener) == "READY=1"


@pytest.mark.parametrize("environ", [{}, {"NOTIFY_SOCKET": "/nowhere/at/all"}])
def test_without_a_supervisor_nothing_happens(environ):
    notifier = Notifier(environ)
    notifier.ready()
    notifier.status("fine")
