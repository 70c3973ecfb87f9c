"""Times as venues write them."""

import pytest

from marketdata.exchanges.rfc3339 import rfc3339_ns

SECOND = 1_786_562_868_000_000_000


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("2026-08-12T19:27:48.098821666Z", SECOND + 98_821_666),
        ("2026-08-12T19:27:48.39625135Z", SECOND + 396_251_350),
        ("2026-08-12T19:27:48.1Z", SECOND + 100_000_000),
        ("2026-08-12T19:27:48Z", SECOND),
        ("2026-08-12T21:27:48.000000001+02:00", SECOND + 1),
        ("1970-01-01T00:00:00.000000000Z", 0),
    ],
)
def test_nanoseconds_are_exact(text: str, ns: int):
    # The second time its seconds are remembered.
    assert (rfc3339_ns(text), rfc3339_ns(text)) == (ns, ns)


@pytest.mark.parametrize(
    "text",
    [
        "", "Z", "2026", "2026-08-12T19:27:48.098821", "2026-08-12T19:27:48", "2026-13-12T19:27:48.1Z",
        "2026-08-12T19:27:48.1_0Z", "2026-08-12T19:27:48. 10Z", "2026-08-12T19:27:48.-10Z",
        "2026-08-12T19:27:61.1Z", "x" * 30, "2026-08-12T19:27:48.\u0661\u00b2Z",
    ],
)  # fmt: skip
def test_what_is_no_time_is_refused(text: str):
    rfc3339_ns("2026-08-12T19:27:48.1Z")
    with pytest.raises(ValueError, match=r"iso|time zone|in 0|in 1"):
        rfc3339_ns(text)


@pytest.mark.parametrize("year", ["0001", "1969", "2262", "9999"])
@pytest.mark.parametrize("rest", ["-08-12T19:27:48.1Z", "-08-12T19:27:48Z", "-08-12T19:27:48.1+02:00"])
def test_a_time_that_no_record_can_hold_is_refused(year: str, rest: str):
    with pytest.raises(ValueError, match="the year of"):
        rfc3339_ns(year + rest)
