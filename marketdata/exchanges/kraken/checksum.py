"""The levels that Kraken's checksum is made of, and whether it matches.

Source: https://docs.kraken.com/api/docs/guides/spot-ws-book-v2. The checksum is the CRC32 of the ten best asks and then
the ten best bids, each as the digits of its price and of its size without point and leading zeros: as whole numbers of
the smallest unit, which is how they are kept here.

Updates come as floats, which are decoded twice as fast as decimals. Nothing is lost by it: a float is taken only when
it is the very one that so many smallest units give (`units / scale == number`), which below 2^51 units proves that no
other number of units was sent. Anything else is to be read again digit by digit.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import product
from typing import NamedTuple, Protocol
from zlib import crc32

from marketdata.events import Level

CHECKED_LEVELS = 10
# Up to here a float tells neighbours apart, with a bit to spare for the multiplication.
_MAX_EXACT = 2**51
# No market has more digits before the point.
_MAX_DIGITS = 20
_MAX_DECIMALS = 12


class Precision(NamedTuple):
    """Decimals of a symbol's prices and sizes."""

    price: int
    size: int


_NO_DECIMALS = Precision(0, 0)


class SentLevel(Protocol):
    price: float
    qty: float


class ExactLevel(Protocol):
    price: Decimal
    qty: Decimal


class ChecksumBook:
    """Both sides of one symbol, cut to `depth` levels as the venue wants its subscribers to do."""

    __slots__ = ("_ask_crc", "_asks", "_bid_head", "_bids", "_checksum", "_depth", "precision")

    def __init__(self, *, depth: int, precision: Precision | None = None) -> None:
        """Without `precision` it is found out from the image, whose checksum only one precision explains."""
        self._depth = depth
        self.precision = precision
        self._asks = _Side(1)
        self._bids = _Side(-1)
        self._ask_crc = self._checksum = 0
        self._bid_head = b""

    def start(self, bids: Sequence[ExactLevel], asks: Sequence[ExactLevel], checksum: int) -> bool:
        """Begin with an image. Gives whether its checksum matches."""
        # More levels than asked for: the venue keeps more than we thought, and says so when they go.
        self._depth = max(self._depth, len(bids), len(asks))
        known = self.precision
        if known is not None and self._fill(bids, asks, known) == checksum:
            return True
        # The venue may have changed the precision since we asked for it.
        levels = (*bids, *asks)
        least_price = max((_decimals(level.price) for level in levels), default=0)
        least_size = max((_decimals(level.qty) for level in levels), default=0)
        for found in product(range(least_price, _MAX_DECIMALS + 1), range(least_size, _MAX_DECIMALS + 1)):
            if self._fill(bids, asks, Precision(*found)) == checksum:
                self.precision = Precision(*found)
                return True
        return False

    def apply(
        self, bids: Sequence[SentLevel], asks: Sequence[SentLevel], checksum: int
    ) -> tuple[list[Level], list[Level], bool] | None:
        """Set and remove levels.

        Gives what is not as before on both sides, with size 0 for levels that fell out of the depth, and whether the
        checksum matches. Gives None where the floats do not prove what was sent: `apply_exact` the decimals then.
        """
        bid_side, ask_side, depth = self._bids, self._asks, self._depth
        changed_bids: list[Level] = []
        changed_asks: list[Level] = []
        # Most updates are of one side.
        if (bids and not bid_side.put(bids, changed_bids)) or (asks and not ask_side.put(asks, changed_asks)):
            return None
        # Only now, for what was put may be put again, but what was cut is said once.
        if len(bid_side.keys) > depth:
            bid_side.cut(depth, changed_bids)
        if len(ask_side.keys) > depth:
            ask_side.cut(depth, changed_asks)
        if ask_side.head_changed or bid_side.head_changed:
            return changed_bids, changed_asks, self._calculate() == checksum
        return changed_bids, changed_asks, self._checksum == checksum

    def apply_exact(
        self, bids: Iterable[ExactLevel], asks: Iterable[ExactLevel], checksum: int
    ) -> tuple[list[Level], list[Level], bool]:
        """Like `apply`, and as good after it gave None, for setting a level twice is setting it once."""
        changed_bids: list[Level] = []
        changed_asks: list[Level] = []
        sane = self._bids.put_exact(bids, changed_bids) and self._asks.put_exact(asks, changed_asks)
        self._bids.cut(self._depth, changed_bids)
        self._asks.cut(self._depth, changed_asks)
        return changed_bids, changed_asks, sane and self._calculate() == checksum

    def _fill(self, bids: Iterable[ExactLevel], asks: Iterable[ExactLevel], precision: Precision) -> int | None:
        """Give the checksum of these levels, None where a number has more decimals than the precision."""
        self._bids, self._asks = _Side(-1, precision), _Side(1, precision)
        if not (self._bids.put_exact(bids, []) and self._asks.put_exact(asks, [])):
            return None
        return self._calculate()

    def _calculate(self) -> int:
        bids, asks = self._bids, self._asks
        if asks.head_changed:
            asks.head_changed = False
            self._ask_crc = crc32(b"".join(asks.tokens[:CHECKED_LEVELS]))
        if bids.head_changed:
            bids.head_changed = False
            self._bid_head = b"".join(bids.tokens[:CHECKED_LEVELS])
        self._checksum = checksum = crc32(self._bid_head, self._ask_crc)
        return checksum


class _Side:
    """One side of the book, best first. Keys are prices in units, negative for bids, so that both sides ascend."""

    __slots__ = ("_price_scale", "_sign", "_size_scale", "head_changed", "keys", "precision", "tokens")

    def __init__(self, sign: int, precision: Precision = _NO_DECIMALS) -> None:
        self.keys: list[int] = []
        # Whether the checked levels are others than when they were checked.
        self.head_changed = True
        self.precision = precision
        self._sign = sign
        self._price_scale, self._size_scale = float(10**precision.price), float(10**precision.size)
        # What each key's level contributes to the checksum.
        self.tokens: list[bytes] = []

    def put(self, levels: Iterable[SentLevel], changed: list[Level]) -> bool:
        """Set levels, or remove those of size 0; `changed` gets those that were not so already.

        Stops and gives False at one that floats do not prove.
        """
        keys, tokens, sign = self.keys, self.tokens, self._sign
        price_scale, size_scale = self._price_scale, self._size_scale
        for level in levels:
            price, size = level.price, level.qty
            price_units, size_units = round(price * price_scale), round(size * size_scale)
            if not (
                price_units / price_scale == price
                and size_units / size_scale == size
                and 0 < price_units < _MAX_EXACT
                and 0 <= size_units < _MAX_EXACT
            ):
                return False
            key = price_units * sign
            at = bisect_left(keys, key)
            if at < len(keys) and keys[at] == key:
                if size_units:
                    token = b"%d%d" % (price_units, size_units)
                    if tokens[at] == token:
                        continue
                    tokens[at] = token
                else:
                    del keys[at], tokens[at]
            elif size_units:
                keys.insert(at, key)
                tokens.insert(at, b"%d%d" % (price_units, size_units))
            else:
                continue
            if at < CHECKED_LEVELS:
                self.head_changed = True
            changed.append((price, size))
        return True

    def put_exact(self, levels: Iterable[ExactLevel], changed: list[Level]) -> bool:
        """Like `put`, from decimals, but `changed` gets all. Stops and gives False where the precision forbids it."""
        keys, tokens = self.keys, self.tokens
        self.head_changed = True
        for level in levels:
            price_units = _units(level.price, self.precision.price)
            size_units = _units(level.qty, self.precision.size)
            if not price_units or size_units is None:
                return False
            key = price_units * self._sign
            at = bisect_left(keys, key)
            if keys[at : at + 1] == [key]:
                del keys[at], tokens[at]
            if size_units:
                keys.insert(at, key)
                tokens.insert(at, b"%d%d" % (price_units, size_units))
            changed.append((float(level.price), float(level.qty)))
        return True

    def cut(self, depth: int, changed: list[Level]) -> None:
        """Forget what is beyond the depth, for the venue says nothing more about it."""
        keys = self.keys
        while len(keys) > depth:
            changed.append((keys.pop() * self._sign / self._price_scale, 0.0))
            self.tokens.pop()


def _decimals(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) and number else 0


def _units(number: Decimal, decimals: int) -> int | None:
    if number.is_signed() or not number.is_finite() or number.adjusted() > _MAX_DIGITS:
        return None
    units = number.scaleb(decimals)
    whole = int(units)
    return whole if whole == units else None
