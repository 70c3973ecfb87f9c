"""An order book kept from a venue's image and deltas.

Source: "How to manage a local order book correctly",
https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams. A hole in the update ids makes the book
invalid until a new image arrives; an invalid book has no levels to show.
"""

from bisect import bisect_left, insort
from collections import deque
from enum import StrEnum
from math import inf

from marketdata.events import BookDelta, Level
from marketdata.exchanges.adapter import BookImage

_MAX_BUFFERED = 2_000


class Applied(StrEnum):
    """What became of an image or a delta."""

    APPLIED = "applied"
    BUFFERED = "buffered"
    OLD = "old"
    GAP = "gap"
    CROSSED = "crossed"
    BAD_LEVEL = "bad level"
    IMAGE_TOO_OLD = "image older than the stream"


class OrderBook:
    """Both sides of one instrument's book. `is_valid` tells whether it may be used."""

    __slots__ = (
        "_ask_keys",
        "_asks",
        "_bid_keys",
        "_bids",
        "_buffer",
        "_first_update_id",
        "_joining",
        "_known_update_id",
        "is_valid",
        "update_id",
    )

    def __init__(self) -> None:
        self.is_valid = False
        self.update_id = self._known_update_id = 0
        # After an image, or when another socket takes over, what is known already may come again.
        self._joining = True
        self._first_update_id = 0
        # Levels as they came, by key: showing twenty of them twenty times a second makes nothing new.
        self._bids: dict[float, Level] = {}
        self._asks: dict[float, Level] = {}
        # Bid prices and negative ask prices, ascending: the best of both, where most changes are, is last and cheap to move.
        self._bid_keys: list[float] = []
        self._ask_keys: list[float] = []
        self._buffer: deque[BookDelta] = deque(maxlen=_MAX_BUFFERED)

    @property
    def best_bid(self) -> float:
        return self._bid_keys[-1] if self._bid_keys else 0.0

    @property
    def best_ask(self) -> float:
        return -self._ask_keys[-1] if self._ask_keys else 0.0

    @property
    def newest_update_id(self) -> int:
        """How far the book is, or was when it was last valid."""
        return self.update_id if self.is_valid else self._known_update_id

    @property
    def is_buffering(self) -> bool:
        return bool(self._buffer)

    def top(self, levels: int) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
        """Return the best bids and asks, best first."""
        bids, asks = self._bids, self._asks
        return (
            tuple(map(bids.__getitem__, self._bid_keys[: -levels - 1 : -1])),
            tuple(map(asks.__getitem__, self._ask_keys[: -levels - 1 : -1])),
        )

    def invalidate(self) -> None:
        """Forget everything: the next image starts anew."""
        if self.is_valid:
            self._known_update_id = self.update_id
        self.is_valid = False
        self.update_id = self._first_update_id = 0
        self._joining = True
        self._bids.clear()
        self._asks.clear()
        self._bid_keys.clear()
        self._ask_keys.clear()
        self._buffer.clear()

    def apply_delta(self, delta: BookDelta) -> Applied:
        if not self.is_valid:
            self._buffer.append(delta)
            return Applied.BUFFERED
        if delta.first_update_id != self.update_id + 1:
            if delta.last_update_id <= self.update_id and (self._joining or self._is_repeated(delta)):
                return Applied.OLD
            if not self._joining or delta.first_update_id > self.update_id + 1:
                self.invalidate()
                self._buffer.append(delta)
                return Applied.GAP
        sane = _apply(self._bids, self._bid_keys, delta.bids, 1.0) and _apply(
            self._asks, self._ask_keys, delta.asks, -1.0
        )
        if not sane:
            self.invalidate()
            return Applied.BAD_LEVEL
        self.update_id = delta.last_update_id
        self._first_update_id = delta.first_update_id
        self._joining = False
        if self._is_crossed():
            self.invalidate()
            return Applied.CROSSED
        return Applied.APPLIED

    def rejoin(self) -> None:
        """Another socket goes on with the same stream: it may repeat what is known, but not leave anything out."""
        self._joining = True

    def apply_image(self, image: BookImage) -> Applied:
        """Start from `image` and apply what was buffered since. Buffered deltas stay when the image is too old.

        An image of the stream itself is in order with the deltas: it replaces everything before it.
        """
        if image.from_stream:
            if self.is_valid and 0 < image.update_id < self.update_id:
                return Applied.OLD
            self._buffer.clear()
        buffered = [delta for delta in self._buffer if delta.last_update_id > image.update_id]
        if buffered and buffered[0].first_update_id > image.update_id + 1:
            return Applied.IMAGE_TOO_OLD
        self.invalidate()
        if not (
            _apply(self._bids, self._bid_keys, image.bids, 1.0) and _apply(self._asks, self._ask_keys, image.asks, -1.0)
        ):
            self.invalidate()
            return Applied.BAD_LEVEL
        if self._is_crossed():
            self.invalidate()
            return Applied.CROSSED
        self.is_valid = True
        self.update_id = image.update_id
        for position, delta in enumerate(buffered):
            applied = self.apply_delta(delta)
            if applied is not Applied.APPLIED:
                self._buffer.extend(buffered[position + 1 :])
                return applied
        return Applied.APPLIED

    def _is_crossed(self) -> bool:
        return bool(self._bid_keys and self._ask_keys and self._bid_keys[-1] >= -self._ask_keys[-1])

    def _is_repeated(self, delta: BookDelta) -> bool:
        return delta.last_update_id == self.update_id and delta.first_update_id == self._first_update_id


def _apply(levels: dict[float, Level], keys: list[float], changes: tuple[Level, ...], sign: float) -> bool:
    """Set the changed levels; size 0 removes one. Stops and gives False at a level that cannot be.

    `keys` are the prices times `sign`, ascending.
    """
    count = len(levels)
    for level in changes:
        price, size = level
        key = price * sign
        if 0.0 < size < inf:
            levels[key] = level
            if len(levels) != count:
                if not 0.0 < price < inf:
                    return False
                insort(keys, key)
                count += 1
        elif size == 0.0:
            if levels.pop(key, None) is not None:
                del keys[bisect_left(keys, key)]
                count -= 1
        else:
            return False
    return True
