"""A backlog of the socket, which REST has overtaken: late, and neither damaged nor out of order."""

from marketdata.events import QuoteTick
from tests.unit.marketdata.cast import SECOND, T0, image, live_stream, quote


def backlog_overtaken_at(number: int):
    """The socket fell silent, REST stands in and is at `number` already."""
    stream = live_stream()
    stream.receive(quote(99, 101, at=T0, id=20))
    stream.advance(T0 + 4 * SECOND)
    stream.receive_polled(image(number, at=T0 + 4 * SECOND))
    assert stream.state == "fallback"
    return stream


def test_what_rest_has_overtaken_is_counted_as_that_and_not_told():
    stream = backlog_overtaken_at(1_000)
    for number in range(21, 40):
        out = stream.receive(quote(99, 101, at=T0 + 4 * SECOND + number, id=number))
        assert not any(isinstance(event, QuoteTick) for event in out)
    assert stream.counts["overtaken.quote"] == 19
    assert not any(name.startswith("rejected.") for name in stream.counts)


def test_what_the_socket_has_told_itself_is_out_of_order_when_it_comes_again():
    stream = backlog_overtaken_at(1_000)
    stream.receive(quote(99, 101, at=T0 + 4 * SECOND, id=20))
    stream.receive(quote(99, 101, at=T0 + 4 * SECOND, id=15))
    assert stream.counts["rejected.out of order"] == 2
    assert stream.counts["overtaken.quote"] == 0
