"""Reading settings: defaults, ranges, and messages that say what is allowed."""

import json
import stat

import pytest
from django.core.exceptions import ImproperlyConfigured

from tradingsite import environment as read


def test_an_empty_variable_is_the_default(monkeypatch):
    monkeypatch.setenv("PORT", " ")
    assert read.integer("PORT", 8000, low=1, high=65535) == 8000


@pytest.mark.parametrize("value", ["0", "65536", "80a", "1.5", "-1"])
def test_a_bad_whole_number_names_variable_value_and_range(monkeypatch, value):
    monkeypatch.setenv("PORT", value)
    with pytest.raises(ImproperlyConfigured, match=rf"PORT='{value}': allowed is a whole number from 1 to 65535"):
        read.integer("PORT", 8000, low=1, high=65535)


@pytest.mark.parametrize("value", ["nan", "inf", "2", "x"])
def test_a_bad_number_is_refused(monkeypatch, value):
    monkeypatch.setenv("QUANT_SIGNAL_WEIGHT", value)
    with pytest.raises(ImproperlyConfigured, match="from 0 to 1"):
        read.number("QUANT_SIGNAL_WEIGHT", 0.5, low=0, high=1)


@pytest.mark.parametrize(("value", "expected"), [("true", True), ("1", True), ("No", False), ("off", False)])
def test_switches_take_the_usual_spellings(monkeypatch, value, expected):
    monkeypatch.setenv("USE_WEBSOCKET", value)
    assert read.switch("USE_WEBSOCKET", default=not expected) is expected


def test_a_switch_is_not_guessed(monkeypatch):
    monkeypatch.setenv("USE_WEBSOCKET", "maybe")
    with pytest.raises(ImproperlyConfigured, match="true or false"):
        read.switch("USE_WEBSOCKET", default=True)


def test_an_address_of_the_wrong_kind_is_refused_without_showing_its_password(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "mysql://me:secret-word@host/db")
    with pytest.raises(ImproperlyConfigured, match="postgres") as caught:
        read.url("DATABASE_URL", "", schemes=("postgres", "postgresql"))
    assert "secret-word" not in str(caught.value)


def test_the_servers_file_is_read_and_may_be_absent(tmp_path):
    assert read.read_servers_file(tmp_path) == {}
    (tmp_path / "servers.json").write_text(json.dumps({"redis_url": "redis://x"}))
    assert read.read_servers_file(tmp_path) == {"redis_url": "redis://x"}


def test_a_damaged_servers_file_says_what_to_do(tmp_path):
    (tmp_path / "servers.json").write_text("{")
    with pytest.raises(ImproperlyConfigured, match="Delete it and run `make run`"):
        read.read_servers_file(tmp_path)


def test_the_secret_key_is_made_once_and_for_its_owner_only(monkeypatch, tmp_path):
    monkeypatch.delenv("SECRET_KEY", raising=False)
    key = read.secret_key(tmp_path)
    assert len(key) >= 50
    assert read.secret_key(tmp_path) == key
    assert stat.S_IMODE((tmp_path / "secret_key").stat().st_mode) == 0o600
