"""When the National Stock Exchange of India trades equities: Monday to Friday, 09:15 to 15:30 IST, but for holidays.

Source: https://www.nseindia.com/resources/exchange-communication-holidays and Upstox's /v2/market/holidays, which tells
special sessions too. India has no daylight saving time.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import NamedTuple

IST = timezone(timedelta(hours=5, minutes=30), "IST")
PRE_OPEN, OPEN, CLOSE = time(9, 0), time(9, 15), time(15, 30)

_SATURDAY = 5
# The longest run of days without a session is far shorter.
_MAX_DAYS = 30
_NS_PER_S = 1_000_000_000


class Session(NamedTuple):
    """When trading begins and ends, in nanoseconds since the epoch, UTC."""

    open_ns: int
    close_ns: int


class SessionState(NamedTuple):
    """`reason` is empty while the market is open; `next_change_ns` is when it opens or closes."""

    is_open: bool
    next_change_ns: int
    reason: str


# By date in India: a session at other hours than usual, or None where there is none.
Holidays = Mapping[date, Session | None]


def session_state(now_ns: int, holidays: Holidays) -> SessionState:
    """Whether equities trade at `now_ns`, until when, and if not, why."""
    today = ist(now_ns).date()
    for number in range(_MAX_DAYS):
        day = today + timedelta(days=number)
        session = session_of(day, holidays)
        if session is None or now_ns >= session.close_ns:
            continue
        if now_ns >= session.open_ns:
            return SessionState(True, session.close_ns, "")
        opens = ist(session.open_ns)
        if now_ns >= _ns(datetime.combine(day, PRE_OPEN, IST)) and opens.time() == OPEN:
            return SessionState(False, session.open_ns, f"pre-open session until {opens:%H:%M} IST")
        return SessionState(False, session.open_ns, f"market closed until {opens:%a %d %b %H:%M} IST")
    return SessionState(False, now_ns + 86_400 * _NS_PER_S, f"market closed for more than {_MAX_DAYS} days")


def session_of(day: date, holidays: Holidays) -> Session | None:
    """The day's trading hours, or None."""
    if day in holidays:
        return holidays[day]
    if day.weekday() >= _SATURDAY:
        return None
    return Session(_ns(datetime.combine(day, OPEN, IST)), _ns(datetime.combine(day, CLOSE, IST)))


def ist(now_ns: int) -> datetime:
    """The time in India, cut to seconds."""
    return datetime.fromtimestamp(now_ns // _NS_PER_S, UTC).astimezone(IST)


class TradingCalendar:
    """Answers quickly, since it is asked often: the state is found anew only when it changes."""

    def __init__(self) -> None:
        self._holidays: Holidays = {}
        self._found_ns = 0
        self._state = SessionState(False, 0, "")

    def learn(self, holidays: Holidays) -> None:
        self._holidays = dict(holidays)
        self._state = SessionState(False, 0, "")

    def closed_reason(self, now_ns: int) -> str:
        """Why nothing is traded now; empty while the market is open."""
        if not self._found_ns <= now_ns < self._state.next_change_ns:
            self._found_ns, self._state = now_ns, session_state(now_ns, self._holidays)
            if not self._state.is_open:
                # The words change before the state does, e.g. when the pre-open session begins.
                self._state = self._state._replace(next_change_ns=min(self._state.next_change_ns, now_ns + _NS_PER_S))
        return self._state.reason


def _ns(moment: datetime) -> int:
    return int(moment.timestamp()) * _NS_PER_S
