import pytest

from marketdata.ccxtpro.continuity import BookCheck, BookGap, Seen

BIDS, ASKS = ((99.0, 1.0),), ((101.0, 1.0),)


def look(check: BookCheck, *, nonce=None, time_ms=None, now_s=0.0, bids=BIDS, asks=ASKS) -> Seen:
    return check.look(bids, asks, nonce=nonce, time_ms=time_ms, now_s=now_s)


def test_a_growing_number_is_fine_and_one_that_goes_back_is_a_gap() -> None:
    check = BookCheck()
    assert [look(check, nonce=number) for number in (1, 2, 2, 9)] == [Seen.NEW] * 4
    with pytest.raises(BookGap, match="back from 9 to 8"):
        look(check, nonce=8)


def test_without_numbers_the_time_counts_with_some_jitter() -> None:
    check = BookCheck()
    assert look(check, time_ms=10_000) is Seen.NEW
    assert look(check, time_ms=9_500) is Seen.OLD
    assert look(check, time_ms=10_001) is Seen.NEW
    with pytest.raises(BookGap, match="back by 5001 ms"):
        look(check, time_ms=5_000)


def test_a_time_that_goes_back_is_nothing_beside_a_number_that_grows() -> None:
    check = BookCheck()
    look(check, nonce=1, time_ms=10_000)
    assert look(check, nonce=2, time_ms=1) is Seen.NEW


def test_crossed_sides_are_a_gap() -> None:
    with pytest.raises(BookGap, match=r"crossed: bid 101\.0 and ask 101\.0"):
        look(BookCheck(), bids=((101.0, 1.0),))
    assert look(BookCheck(), bids=()) is Seen.NEW


def test_a_book_that_stands_still_while_there_are_trades_is_frozen() -> None:
    check = BookCheck(frozen_after_s=5, frozen_trades=3)
    look(check, nonce=1, now_s=100)
    for _ in range(3):
        check.traded()
    assert check.frozen_reason(104) == ""
    assert "frozen: it stood still for 5 s while there were 3 trades" in check.frozen_reason(105)
    look(check, nonce=2, now_s=106)
    assert check.frozen_reason(200) == ""


def test_a_book_sent_again_and_again_unchanged_is_frozen_too() -> None:
    check = BookCheck(frozen_after_s=5, frozen_trades=3)
    look(check, nonce=1, now_s=100)
    for second in range(101, 107):
        check.traded()
        look(check, nonce=1, now_s=second)
    assert check.frozen_reason(107)


def test_a_quiet_market_is_not_frozen() -> None:
    check = BookCheck(frozen_after_s=5, frozen_trades=3)
    look(check, nonce=1, now_s=0)
    check.traded()
    assert check.frozen_reason(1_000) == ""


def test_after_a_restart_numbers_begin_anew() -> None:
    check = BookCheck()
    look(check, nonce=1_000)
    check.restart()
    assert look(check, nonce=1) is Seen.NEW
