"""The list of events stays readable however long a venue is away."""

import pytest

from marketdata.events import FeedState
from marketdata.feed.notices import Notices
from marketdata.feed.source import Health

SYMBOLS = ["BTC/USDT", "ETH/USDT"]


@pytest.fixture
def told() -> list[tuple[str, str, str]]:
    return []


@pytest.fixture
def notices(told) -> Notices:
    return Notices(note=lambda *note: told.append(note), failed_after=5)


def kinds(told) -> list[str]:
    return [kind for kind, _, _ in told]


def test_a_venue_that_stays_away_is_told_of_less_and_less_often(notices, told):
    for failures in range(1, 1_001):
        notices.down(SYMBOLS, "HTTP 503", Health(failures=failures))
    assert kinds(told)[:2] == ["disconnected", "reconnecting"]
    assert kinds(told).count("failed") == 1
    assert len(told) <= 12


def test_another_reason_is_told_at_once_and_the_same_two_in_turn_are_not(notices, told):
    for failures in range(1, 300):
        notices.down(SYMBOLS, "HTTP 503" if failures % 2 else "cannot connect", Health(failures=failures))
    assert [message for _, message, _ in told[:2]] == ["HTTP 503", "cannot connect"]
    assert len(told) <= 12


def test_a_loss_after_data_came_is_told_again(notices, told):
    notices.down(SYMBOLS, "connection lost", Health(failures=1))
    notices.up(SYMBOLS, Health(connects=2, failures=1))
    notices.down(SYMBOLS, "connection lost", Health(failures=1))
    assert kinds(told) == ["disconnected", "connected", "disconnected"]


def test_sockets_that_open_and_close_at_once_do_not_fill_the_list(notices, told):
    for failures in range(1, 500):
        notices.up(SYMBOLS, Health(connects=failures, failures=failures))
        notices.down(SYMBOLS, "connection lost", Health(failures=failures))
    assert len(told) <= 25


def test_who_stands_in_is_told_once_however_often_the_socket_is_tried(notices, told):
    def fallback() -> FeedState:
        return FeedState(
            exchange="binance", symbol="BTC/USDT", state="fallback", source="rest", reason="REST polling: HTTP 503",
            ts_event=1, ts_init=1,
        )  # fmt: skip

    for failures in range(1, 100):
        notices.down(SYMBOLS, "HTTP 503", Health(failures=failures))
        notices.state(fallback(), is_silent=False)
    assert kinds(told).count("fallback") == 1
