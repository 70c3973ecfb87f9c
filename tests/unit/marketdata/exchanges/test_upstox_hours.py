"""Trading hours of the National Stock Exchange: silence outside of them is no fault."""

from datetime import date, datetime

import pytest

from marketdata.exchanges.upstox.hours import IST, Session, TradingCalendar, session_state


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=IST).timestamp()) * 1_000_000_000


# 2025-12-29 is a Monday.
REPUBLIC_DAY = date(2026, 1, 26)


@pytest.mark.parametrize(
    ("now", "is_open", "until", "reason"),
    [
        ("2025-12-29 08:59:59", False, "2025-12-29 09:15:00", "market closed until Mon 29 Dec 09:15 IST"),
        ("2025-12-29 09:00:00", False, "2025-12-29 09:15:00", "pre-open session until 09:15 IST"),
        ("2025-12-29 09:14:59", False, "2025-12-29 09:15:00", "pre-open session until 09:15 IST"),
        ("2025-12-29 09:15:00", True, "2025-12-29 15:30:00", ""),
        ("2025-12-29 15:29:59", True, "2025-12-29 15:30:00", ""),
        ("2025-12-29 15:30:00", False, "2025-12-30 09:15:00", "market closed until Tue 30 Dec 09:15 IST"),
        ("2026-01-02 15:30:00", False, "2026-01-05 09:15:00", "market closed until Mon 05 Jan 09:15 IST"),
        ("2026-01-23 20:00:00", False, "2026-01-27 09:15:00", "market closed until Tue 27 Jan 09:15 IST"),
        ("2026-01-26 11:00:00", False, "2026-01-27 09:15:00", "market closed until Tue 27 Jan 09:15 IST"),
    ],
)
def test_state_by_the_clock_of_india(now, is_open, until, reason):
    assert session_state(at(now), {REPUBLIC_DAY: None}) == (is_open, at(until), reason)


def test_session_at_other_hours_is_followed():
    muhurat = {date(2025, 10, 21): Session(at("2025-10-21 13:45:00"), at("2025-10-21 14:45:00"))}
    assert session_state(at("2025-10-21 10:00:00"), muhurat).reason == "market closed until Tue 21 Oct 13:45 IST"
    assert session_state(at("2025-10-21 14:00:00"), muhurat).is_open
    assert not session_state(at("2025-10-21 14:45:00"), muhurat).is_open


def test_special_saturday_is_open():
    saturday = {date(2026, 1, 3): Session(at("2026-01-03 09:15:00"), at("2026-01-03 15:30:00"))}
    assert session_state(at("2026-01-03 12:00:00"), saturday).is_open


def test_no_session_in_sight_is_said():
    days = {date.fromordinal(date(2026, 1, 1).toordinal() + n): None for n in range(60)}
    assert session_state(at("2026-01-01 12:00:00"), days).reason == "market closed for more than 30 days"


def test_calendar_agrees_with_the_state_at_every_minute_of_a_week():
    calendar = TradingCalendar()
    calendar.learn({REPUBLIC_DAY: None})
    begin = at("2026-01-23 00:00:00")
    for minute in range(7 * 1_440):
        now_ns = begin + minute * 60_000_000_000
        assert calendar.closed_reason(now_ns) == session_state(now_ns, {REPUBLIC_DAY: None}).reason


def test_calendar_forgets_when_it_learns():
    calendar = TradingCalendar()
    assert calendar.closed_reason(at("2026-01-26 11:00:00")) == ""
    calendar.learn({REPUBLIC_DAY: None})
    assert calendar.closed_reason(at("2026-01-26 11:00:01")) == "market closed until Tue 27 Jan 09:15 IST"
