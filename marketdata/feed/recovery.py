"""What is asked of a venue's source when a symbol brings nothing, or its book has to begin anew: once at a time."""

from collections.abc import Iterable

from marketdata.exchanges.adapter import BookImage, BookProcedure
from marketdata.feed.followed import Followed
from marketdata.feed.source import Source
from marketdata.feed.tape import Tape
from marketdata.stream import SymbolStream

_RESUBSCRIBE_EVERY_NS = 10_000_000_000
# What the venue refuses it may refuse for good, or only because it was busy.
_REFUSED_EVERY_NS = 60_000_000_000
# Everything silent for so long after asking again: the socket is dead, whatever it says.
_RECONNECT_AFTER_NS = 3_000_000_000
# Everything late for so long is a backlog that does not shrink.
_LATE_AFTER_NS = 10_000_000_000
# A quiet market looks the same: tried less and less often while it does not help.
_RECONNECT_EVERY_NS = 10_000_000_000
_RECONNECT_MAX_NS = 300_000_000_000
# The image that follows a subscription is on its way.
_IMAGE_WAIT_NS = 3_000_000_000
_ALL_LEVELS = 1_000_000


class Recovery:
    """Subscribes again or reconnects. Images by REST are fetched elsewhere (`images_by_rest`).

    `book_group`: these streams alone give an image, and prints go on beside it.
    """

    def __init__(self, *, procedure: BookProcedure, source: Source, book_group: str = "") -> None:
        self._book_group = book_group
        self.images_by_rest = procedure is BookProcedure.SNAPSHOT_AND_BUFFER
        self._image_on_subscribe = procedure is BookProcedure.IMAGE_ON_SUBSCRIBE
        self._source = source
        self._reconnected_ns = 0
        self._reconnect_every_ns = _RECONNECT_EVERY_NS

    def record_books(self, followed: Iterable[Followed], tape: Tape, now_ns: int) -> None:
        """Give a recording its order books, so that it can be replayed from here on.

        Where they begin with an image of the stream the venue is asked for one: parsers have to see it, too.
        """
        for item in followed:
            if self._image_on_subscribe:
                if item.stream.book.is_valid:
                    self._source.resubscribe(item.symbol, group=self._book_group)
            elif self.images_by_rest and item.stream.book.is_valid:
                tape.book_image(_book_image(item.stream, now_ns))

    def look_after(self, followed: Iterable[Followed], now_ns: int) -> None:
        items = list(followed)
        for item in items:
            item.late_ns = (item.late_ns or now_ns) if item.stream.is_late else 0
            if item.stream.is_silent:
                self._ask_silent(item, now_ns)
            else:
                item.silent_asked_ns = 0
                if item.stream.is_refused:
                    self._ask_again(item, now_ns)
                elif self._image_on_subscribe:
                    self._ask_image(item, now_ns)
        self._reconnect_dead(items, now_ns)

    def _ask_silent(self, item: Followed, now_ns: int) -> None:
        self._ask_again(item, now_ns)
        if not item.silent_asked_ns:
            item.silent_asked_ns = now_ns

    def _ask_again(self, item: Followed, now_ns: int) -> None:
        every_ns = _REFUSED_EVERY_NS if item.stream.is_refused else _RESUBSCRIBE_EVERY_NS
        if now_ns - item.resubscribed_ns > every_ns:
            item.resubscribed_ns = now_ns
            item.stream.asked_again(now_ns)
            self._source.resubscribe(item.symbol)

    def _ask_image(self, item: Followed, now_ns: int) -> None:
        if not item.stream.needs_image:
            if item.recovery_due_ns:
                item.recovery_due_ns = 0
                item.image_backoff.reset()
            return
        if not item.recovery_due_ns:
            # After a gap nothing will come by itself; after connecting the image comes.
            wait_ns = 0 if item.stream.has_gap else _IMAGE_WAIT_NS
            item.recovery_due_ns = now_ns + wait_ns
        if now_ns >= item.recovery_due_ns:
            delay_s = item.image_backoff.next_delay_s()
            item.recovery_due_ns = now_ns + _IMAGE_WAIT_NS + int(delay_s * 1e9)
            self._source.resubscribe(item.symbol, group=self._book_group)

    def _reconnect_dead(self, items: list[Followed], now_ns: int) -> None:
        streaming = [item for item in items if item.stream.is_connected]
        dead = [
            item.symbol
            for item in streaming
            if (item.silent_asked_ns and now_ns - item.silent_asked_ns > _RECONNECT_AFTER_NS)
            or (item.late_ns and now_ns - item.late_ns > _LATE_AFTER_NS)
        ]
        if len(dead) < len(streaming):
            if now_ns - self._reconnected_ns > self._reconnect_every_ns:
                self._reconnect_every_ns = _RECONNECT_EVERY_NS
        elif dead and now_ns - self._reconnected_ns > self._reconnect_every_ns:
            if self._reconnected_ns:
                self._reconnect_every_ns = min(2 * self._reconnect_every_ns, _RECONNECT_MAX_NS)
            self._reconnected_ns = now_ns
            self._source.reconnect(dead)


def _book_image(stream: SymbolStream, now_ns: int) -> BookImage:
    bids, asks = stream.book.top(_ALL_LEVELS)
    return BookImage(
        exchange=stream.exchange,
        symbol=stream.symbol,
        bids=bids,
        asks=asks,
        update_id=stream.book.update_id,
        ts_init=now_ns,
    )
