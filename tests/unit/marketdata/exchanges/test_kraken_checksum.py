"""Every checksum of the recordings, and damage to what they are made of."""

import random
import re
from decimal import Decimal

import pytest

from marketdata.book import Applied, OrderBook
from marketdata.events import BookDelta
from marketdata.exchanges.adapter import BookImage, Gap
from marketdata.exchanges.kraken.checksum import ChecksumBook, Precision
from marketdata.exchanges.kraken.messages import KrakenParser
from marketdata.exchanges.kraken.payloads import BookLevel, ExactLevel
from tests.unit.marketdata.cast import needs_captures
from tests.unit.marketdata.exchanges.kraken_frames import (
    DEPTH,
    V1_SYMBOLS,
    digits_checksum,
    v1_books_as_v2,
    v2_frames,
)

_QUANTITY = re.compile(rb'"qty":(\d+\.\d+)')


def make_parser(depth: int = DEPTH) -> KrakenParser:
    return KrakenParser(exchange="kraken", symbols={**V1_SYMBOLS, "BTC/USD": "BTC/USD"}, listings={}, depth=depth)


def exact(*levels: tuple[str, str]) -> list[ExactLevel]:
    return [ExactLevel(price=Decimal(price), qty=Decimal(size)) for price, size in levels]


def sent(*levels: tuple[str, str]) -> list[BookLevel]:
    return [BookLevel(price=float(price), qty=float(size)) for price, size in levels]


@needs_captures
def test_every_checksum_of_2021_verifies_and_the_book_follows():
    parser = make_parser()
    books: dict[str, OrderBook] = {}
    images = updates = 0
    for frame in v1_books_as_v2():
        [event] = parser.parse(frame, ts_init=1)
        if isinstance(event, BookImage):
            images += 1
            books[event.symbol] = OrderBook()
            assert books[event.symbol].apply_image(event) is Applied.APPLIED
        else:
            assert isinstance(event, BookDelta)
            updates += 1
            assert books[event.symbol].apply_delta(event) is Applied.APPLIED
    assert (images, updates) == (10, 4269)


@needs_captures
def test_a_digit_that_flips_among_the_best_levels_is_noticed_at_once():
    frames = list(v1_books_as_v2())
    rng = random.Random(20210417)
    flipped = 0
    for number in rng.sample(range(len(frames)), 300):
        frame = frames[number]
        # A level of size 0 has no digit that matters but those of its price, and far levels are not checked yet.
        places = [match for match in _QUANTITY.finditer(frame) if match.group(1).strip(b"0.")][:10]
        if not places:
            continue
        place = rng.choice(places)
        at = rng.choice([i for i in range(*place.span(1)) if frame[i : i + 1] != b"."])
        digit = b"%d" % ((frame[at] - 48 + rng.randrange(1, 10)) % 10)
        damaged = frame[:at] + digit + frame[at + 1 :]
        parser = make_parser()
        seen: list[object] = []
        for before in frames[:number]:
            if _symbol(before) == _symbol(frame):
                parser.parse(before, ts_init=1)
        seen += parser.parse(damaged, ts_init=2)
        # What is not among the ten best now is noticed when it gets there, or when it is removed from there.
        if not isinstance(seen[0], Gap):
            assert _is_far(frames[:number], frame, place.start())
            continue
        flipped += 1
        assert seen[0].symbol == _symbol(frame).decode()
    assert flipped > 50


def _symbol(frame: bytes) -> bytes:
    return frame.split(b'"symbol":"', 1)[1].split(b'"', 1)[0]


def _is_far(before: list[bytes], frame: bytes, at: int) -> bool:
    """Whether the level at this place of the update is outside the ten best of its side, by a book of texts."""
    symbol = _symbol(frame)
    sides: tuple[dict[Decimal, Decimal], dict[Decimal, Decimal]] = ({}, {})
    level = re.compile(rb'"price":([\d.]+),"qty":([\d.]+)')
    for earlier in [*(each for each in before if _symbol(each) == symbol), frame]:
        asks_at = earlier.index(b'"asks"')
        for match in level.finditer(earlier):
            side = sides[match.start() > asks_at]
            price, size = Decimal(match.group(1).decode()), Decimal(match.group(2).decode())
            if size:
                side[price] = size
            else:
                side.pop(price, None)
    is_ask = at > frame.index(b'"asks"')
    price = next(Decimal(m.group(1).decode()) for m in level.finditer(frame) if m.start() < at < m.end())
    best = sorted(sides[is_ask], reverse=not is_ask)[:10]
    return price not in best


@needs_captures
@pytest.mark.parametrize("lost", range(8, 11))
def test_a_lost_update_is_noticed_at_the_next(lost: int):
    frames = v2_frames()
    parser = make_parser(10)
    for frame in frames[7:lost]:
        assert not isinstance(parser.parse(frame, ts_init=1)[0], Gap)
    assert isinstance(parser.parse(frames[lost + 1], ts_init=1)[0], Gap)


@needs_captures
@pytest.mark.parametrize("repeated", range(8, 12))
def test_a_repeated_update_is_noticed_at_once(repeated: int):
    frames = v2_frames()
    parser = make_parser(10)
    for frame in frames[7 : repeated + 1]:
        assert not isinstance(parser.parse(frame, ts_init=1)[0], Gap)
    [gap] = parser.parse(frames[repeated], ts_init=1)
    assert gap.reason == "an update that changes nothing"


@needs_captures
def test_updates_in_another_order_are_noticed_even_far_from_the_best_levels():
    frames = [frame for frame in v1_books_as_v2() if _symbol(frame) == b"ETH/CHF"]
    swapped = noticed = 0
    for number in range(1, len(frames) - 1, 7):
        first, second = frames[number : number + 2]
        if _time(first) == _time(second):
            continue
        parser = make_parser()
        for frame in frames[:number]:
            parser.parse(frame, ts_init=1)
        seen = [*parser.parse(second, ts_init=1), *parser.parse(first, ts_init=1)]
        swapped += 1
        noticed += any(isinstance(event, Gap) for event in seen)
    assert swapped == noticed > 20


def _time(frame: bytes) -> bytes:
    return frame.rsplit(b'"timestamp":', 1)[1]


def test_levels_beyond_the_depth_are_removed_with_the_update_that_pushed_them_out():
    bids = [(f"{100 - number}.0", "1.00000000") for number in range(10)]
    book = ChecksumBook(depth=10)
    assert book.start(exact(*bids), exact(("101.0", "1.00000000")), digits_checksum(bids, [("101.0", "1.00000000")]))

    pushed = [("100.5", "2.00000000"), *bids[:9]]
    changed = book.apply(sent(("100.5", "2")), [], digits_checksum(pushed, [("101.0", "1.00000000")]))

    assert changed == ([(100.5, 2.0), (91.0, 0.0)], [], True)


def test_levels_pushed_out_are_told_also_where_floats_prove_nothing():
    bids = [(f"{100 - number}.0", "1.00000000") for number in range(10)]
    huge = [("101.0", "123456789012.12345678")]
    book = ChecksumBook(depth=10, precision=Precision(price=1, size=8))
    assert book.start(exact(*bids), exact(*huge), digits_checksum(bids, huge))

    pushing, grown = ("100.5", "2.00000000"), ("101.0", "123456789012.12345679")
    checksum = digits_checksum([pushing, *bids[:9]], [grown])
    assert book.apply(sent(pushing), sent(grown), checksum) is None
    changed_bids, _, matches = book.apply_exact(exact(pushing), exact(grown), checksum)

    assert (changed_bids, matches) == ([(100.5, 2.0), (91.0, 0.0)], True)


def test_the_precision_is_found_out_from_the_image():
    bids, asks = [("0.00500", "12.300")], [("0.00501", "7.000")]
    without = ChecksumBook(depth=10)
    outdated = ChecksumBook(depth=10, precision=Precision(price=7, size=8))
    for book in (without, outdated):
        # As JSON numbers lose their last zeros.
        assert book.start(exact(("0.005", "12.3")), exact(("0.00501", "7")), digits_checksum(bids, asks))
        applied = book.apply(sent(("0.005", "1.234")), [], digits_checksum([("0.00500", "1.234")], asks))
        assert applied == ([(0.005, 1.234)], [], True)


def test_numbers_that_floats_cannot_hold_are_read_digit_by_digit():
    large = "123456789012.12345678"
    book = ChecksumBook(depth=10, precision=Precision(price=8, size=8))
    asks = [("0.00000002", large)]
    assert book.start([], exact(*asks), digits_checksum([], asks))
    after = [("0.00000002", "123456789012.12345679")]

    assert book.apply([], sent(*after), digits_checksum([], after)) is None
    assert book.apply_exact([], exact(*after), digits_checksum([], after))[2]


@pytest.mark.parametrize(
    "level", [("100.123", "1.0"), ("-100.1", "1.0"), ("0", "1.0"), ("100.1", "-1"), ("1e300", "1")]
)
def test_what_the_precision_does_not_allow_never_matches(level: tuple[str, str]):
    book = ChecksumBook(depth=10, precision=Precision(price=1, size=8))
    bids, asks = [("100.0", "1.00000000")], [("101.0", "1.00000000")]
    assert book.start(exact(*bids), exact(*asks), digits_checksum(bids, asks))

    assert book.apply(sent(level), [], digits_checksum(bids, asks)) is None
    assert not book.apply_exact(exact(level), [], digits_checksum(bids, asks))[2]
