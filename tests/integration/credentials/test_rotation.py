"""`rotatekeys`: everything under the new key, whenever it is killed, and what cannot be opened is told."""

from io import StringIO
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command

from bots.credentials.keys import keyring, keys_path
from bots.credentials.venue_account import venue_account
from bots.models import Account, AccountCredentials, AuditEntry
from bots.operations.rotate_keys import rotate_keys
from tests.integration.credentials.cast import CANARY, NOW, SECRETS, make_account

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def accounts(alice) -> list[Account]:
    return [make_account(alice, f"Real {number}") for number in range(5)]


def rotated(*arguments: str) -> str:
    out = StringIO()
    call_command("rotatekeys", *arguments, stdout=out)
    return out.getvalue()


def all_open(accounts: list[Account]) -> bool:
    return all(venue_account(account).secret == SECRETS.secret for account in accounts)


def test_a_new_key_seals_everything_and_the_old_one_is_named_as_unused(accounts):
    old = keyring().ids[0]
    said = rotated("--generate")
    new, behind = keyring().ids
    assert (behind, f"5 sealed anew with key {new}, 0 were already" in said, f"No row needs {old}" in said) == (
        old, True, True,
    )  # fmt: skip
    assert set(AccountCredentials.objects.values_list("key_id", flat=True)) == {new}
    keys_path().write_text(keyring().keys[0])
    assert all_open(accounts)
    assert "0 sealed anew" in rotated()
    assert AuditEntry.objects.filter(action="account.credentials.reseal").count() == 5
    assert CANARY not in said


class Killed(BaseException):
    """As SIGKILL: nothing is caught."""


def test_killed_half_way_it_goes_on_from_there(accounts):
    call_command("rotatekeys", "--generate", stdout=StringIO())
    keys_path().write_text(f"{Fernet.generate_key().decode()}\n{keys_path().read_text()}")

    def die(done: int, total: int) -> None:
        if done == 2:
            raise Killed

    with pytest.raises(Killed):
        rotate_keys(now=NOW, progress=die)
    assert AccountCredentials.objects.filter(key_id=keyring().ids[0]).count() == 2
    assert all_open(accounts)
    said = rotated()
    assert "3 sealed anew" in said
    assert "2 were already" in said
    assert all_open(accounts)


def test_what_cannot_be_opened_is_told_and_left_as_it_is(accounts):
    lost, *others = accounts
    AccountCredentials.objects.filter(pk=lost.pk).update(sealed="gAAAAA", key_id="deadbeef")
    out: Any = StringIO()
    with pytest.raises(CommandError, match="1 could not be opened"):
        call_command("rotatekeys", "--generate", stdout=out)
    assert f"Account {lost.pk}: The credentials of account {lost.pk} are sealed with key deadbeef" in out.getvalue()
    assert AccountCredentials.objects.get(pk=lost.pk).sealed == "gAAAAA"
    assert all_open(others)


def test_keys_of_the_settings_are_not_generated(accounts, settings):
    settings.ACCOUNT_KEYS = [Fernet.generate_key().decode(), keyring().keys[0]]
    with pytest.raises(CommandError, match="ACCOUNT_KEYS"):
        rotated("--generate")
    assert "5 sealed anew" in rotated()
    settings.ACCOUNT_KEYS = settings.ACCOUNT_KEYS[:1]
    assert all_open(accounts)


def test_nothing_to_do_says_so(db):
    assert "0 sealed anew" in rotated()
    assert not keys_path().exists()
