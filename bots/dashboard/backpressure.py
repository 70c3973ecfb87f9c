"""Waiting for a browser that reads slowly.

Daphne's `send` never waits: it writes into a buffer without a bound. Twisted tells a transport's producer when that
buffer is full and when it is empty again, so the connection's producer is replaced by one that a writer can wait for.
Servers whose `send` itself waits need nothing of this.
"""

import asyncio
from functools import partial
from typing import Any

from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer  # type: ignore[import-untyped]


@implementer(IPushProducer)
class Gate:
    """Open while the transport takes more."""

    def __init__(self) -> None:
        self._open = asyncio.Event()
        self._open.set()

    @property
    def is_open(self) -> bool:
        return self._open.is_set()

    async def wait(self) -> None:
        await self._open.wait()

    def pauseProducing(self) -> None:
        self._open.clear()

    def resumeProducing(self) -> None:
        self._open.set()

    def stopProducing(self) -> None:
        self._open.set()


def gate_of(send: Any) -> Gate:
    """A gate on the connection behind an ASGI `send`; always open where the server is not Daphne."""
    gate = Gate()
    transport = _transport_of(send)
    if transport is not None:
        transport.unregisterProducer()
        transport.registerProducer(gate, True)
    return gate


def _transport_of(send: Any) -> Any:
    """Channels' session middleware wraps `send`; below it is Daphne's partial with the protocol in it."""
    owner = getattr(send, "__self__", None)
    inner = getattr(owner, "real_send", send)
    if not isinstance(inner, partial) or not inner.args:
        return None
    transport = getattr(inner.args[0], "transport", None)
    return transport if hasattr(transport, "registerProducer") else None
