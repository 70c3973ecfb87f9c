import pytest

from quant.features.toxicity import Vpin

# (sign, size): bought 6, sold 4, bought 10, ...
PRINTS = [(1, 6.0), (-1, 4.0), (1, 10.0), (-1, 5.0), (1, 5.0), (-1, 5.0), (1, 12.0), (-1, 8.0)]


def values(prints, bucket=10.0, buckets=3):
    vpin = Vpin(bucket, buckets)
    seen: list[float] = []
    for sign, size in prints:
        vpin.update(sign, size)
        if vpin.value is not None and (not seen or vpin.value != seen[-1]):
            seen.append(vpin.value)
    return seen


def test_known_buckets():
    prints = [(1, 6.0), (-1, 4.0), (1, 10.0), (-1, 5.0), (-1, 5.0), (1, 12.0), (-1, 8.0)]
    assert values(prints) == pytest.approx([0.7333, 1.0, 0.8667], abs=5e-5)


def test_sides_do_not_matter():
    assert values([(-sign, size) for sign, size in PRINTS]) == values(PRINTS)


def test_one_huge_print_fills_every_bucket_at_once():
    vpin = Vpin(1.0, 50)
    vpin.update(1, 1e30)
    assert vpin.value == 1.0


def test_a_print_of_many_buckets_is_the_same_as_many_prints():
    one, many = Vpin(10.0, 4), Vpin(10.0, 4)
    for vpin in (one, many):
        vpin.update(-1, 3.0)
    one.update(1, 97.0)
    for _ in range(97):
        many.update(1, 1.0)
    for vpin in (one, many):
        vpin.update(-1, 30.0)
    assert one.value == many.value == 1.0


def test_a_bucket_needs_a_size():
    with pytest.raises(ValueError, match="bucket_volume is 0"):
        Vpin(0.0)


def test_it_says_when_a_bucket_was_filled():
    vpin = Vpin(10.0, 3)
    assert [vpin.update(1, size) for size in (6.0, 3.9, 0.1, 25.0, 1.0, 1e6)] == [False, False, True, True, False, True]
