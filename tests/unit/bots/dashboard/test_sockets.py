"""A browser that goes while it is written to."""

import asyncio

import pytest
from autobahn.exception import Disconnected

from bots.dashboard.backpressure import Gate
from bots.dashboard.consumers import LiveConsumer
from bots.dashboard.sockets import BrowserGone, BrowserSocket
from tests.patience import PATIENCE_S


@pytest.mark.parametrize("error", [Disconnected("Attempt to send on a closed protocol"), BrokenPipeError()])
async def test_a_browser_that_goes_while_it_is_told_something_ends_its_writer_quietly(error):
    asked = asyncio.Event()

    async def send(_):
        asked.set()
        raise error

    closed = []
    consumer = LiveConsumer()
    consumer.base_send = send
    socket = BrowserSocket(
        user_id=1, session_key="", all_topics=True, gate=Gate(), send=consumer.write, close=closed.append
    )
    socket.tell("{}")
    await asyncio.wait_for(asked.wait(), PATIENCE_S)
    await socket.stop()
    assert closed == []


async def test_a_fault_of_ours_is_not_taken_for_a_browser_that_went():
    async def send(_):
        raise RuntimeError("a fault of ours")

    consumer = LiveConsumer()
    consumer.base_send = send
    with pytest.raises(RuntimeError) as caught:
        await consumer.write("{}")
    assert not isinstance(caught.value, BrowserGone)
