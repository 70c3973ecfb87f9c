"""`manage.py doctor` says when API keys of accounts cannot be opened any more."""

import pytest

from bots.credentials.keys import keys_path
from tests.integration.credentials.cast import CANARY, make_account
from tradingsite.doctor import Level
from tradingsite.doctor.accounts import check_account_keys

pytestmark = pytest.mark.django_db


def test_keys_that_open_and_keys_that_do_not(alice):
    assert check_account_keys().message == "no account has an API key"
    make_account(alice)
    make_account(alice, "Second")
    fine = check_account_keys()
    assert (fine.level, fine.message) == (Level.OK, "2 API keys of accounts, all can be opened")
    keys_path().unlink()
    lost = check_account_keys()
    assert (lost.level, lost.message.startswith("2 of 2 cannot be opened: ")) == (Level.FAILED, True)
    assert CANARY not in lost.message
