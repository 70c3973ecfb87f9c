"""Sealing: what opens, what does not, and what is said then."""

import copy
import json
import os
import pickle
import threading

import msgspec
import pytest
from cryptography.fernet import Fernet

from bots.credentials.keys import BadKeys, add_key, key_id, keyring, keys_path
from bots.credentials.secrets import Secrets
from bots.credentials.vault import CannotOpen, open_sealed, seal, seal_anew

CANARY = "canary-7f3a"
SECRETS = Secrets(api_key=f"{CANARY}-key", secret=f"{CANARY}-secret", password=f"{CANARY}-password")


@pytest.fixture(autouse=True)
def folder(tmp_path, settings):
    settings.LOCAL_DIR = tmp_path / "local"
    settings.ACCOUNT_KEYS = []
    return settings.LOCAL_DIR


def test_what_is_sealed_opens_and_shows_nothing():
    sealed = seal(7, SECRETS, owner_id=1)
    assert open_sealed(7, sealed, owner_id=1) == SECRETS
    assert CANARY not in sealed.text
    assert sealed.key_id == keyring().ids[0]


def test_the_key_is_made_once_for_its_user_alone(folder):
    assert keyring().keys == ()
    assert not folder.exists()
    first = seal(7, SECRETS, owner_id=1)
    assert seal(8, SECRETS, owner_id=1).key_id == first.key_id
    assert keys_path().stat().st_mode & 0o777 == 0o600
    assert os.listdir(folder) == ["account_keys"]


def test_two_that_come_at_once_have_one_key():
    ids = []
    barrier = threading.Barrier(8)

    def make(number):
        barrier.wait()
        ids.append(seal(number, SECRETS, owner_id=1).key_id)

    threads = [threading.Thread(target=make, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(ids)) == 1
    assert len(ids) == 8


@pytest.mark.parametrize(("account_id", "owner_id"), [(8, 1), (7, 2)])
def test_a_row_copied_to_another_account_or_owner_does_not_open(account_id, owner_id):
    sealed = seal(7, SECRETS, owner_id=1)
    with pytest.raises(CannotOpen, match="sealed for another account or owner"):
        open_sealed(account_id, sealed, owner_id=owner_id)
    with pytest.raises(CannotOpen):
        seal_anew(account_id, sealed, owner_id=owner_id)


def test_a_damaged_row_is_called_damaged():
    sealed = seal(7, SECRETS, owner_id=1)
    flipped = sealed.text[:40] + ("A" if sealed.text[40] != "A" else "B") + sealed.text[41:]
    for text in (flipped, sealed.text[:-10], "", "ü", "gAAAA"):
        with pytest.raises(CannotOpen, match="damaged"):
            open_sealed(7, msgspec.structs.replace(sealed, text=text), owner_id=1)


def test_a_missing_key_is_named(settings):
    sealed = seal(7, SECRETS, owner_id=1)
    keys_path().unlink()
    with pytest.raises(CannotOpen, match=f"sealed with key {sealed.key_id}, which is not in .*account_keys"):
        open_sealed(7, sealed, owner_id=1)
    settings.ACCOUNT_KEYS = [Fernet.generate_key().decode()]
    with pytest.raises(CannotOpen, match=f"key {sealed.key_id}, which is not in ACCOUNT_KEYS"):
        open_sealed(7, sealed, owner_id=1)


def test_a_new_key_seals_and_old_ones_still_open():
    before = seal(7, SECRETS, owner_id=1)
    assert len(add_key().keys) == 2
    assert keys_path().stat().st_mode & 0o777 == 0o600
    after = seal(7, SECRETS, owner_id=1)
    assert before.key_id != after.key_id
    assert open_sealed(7, before, owner_id=1) == SECRETS
    anew = seal_anew(7, before, owner_id=1)
    assert anew.key_id == after.key_id
    assert open_sealed(7, anew, owner_id=1) == SECRETS
    assert seal_anew(7, anew, owner_id=1) is anew


def test_keys_of_the_settings_come_before_the_file(settings):
    given = Fernet.generate_key().decode()
    settings.ACCOUNT_KEYS = [given]
    assert seal(7, SECRETS, owner_id=1).key_id == key_id(given)
    assert not keys_path().exists()
    with pytest.raises(BadKeys, match="come from ACCOUNT_KEYS"):
        add_key()


def test_keys_that_are_none_are_told_by_their_number_only(settings):
    settings.ACCOUNT_KEYS = [Fernet.generate_key().decode(), "hunter2"]
    with pytest.raises(BadKeys, match="Key 2 in ACCOUNT_KEYS") as refused:
        seal(7, SECRETS, owner_id=1)
    assert "hunter2" not in str(refused.value)


def test_a_file_that_others_can_read_is_refused():
    seal(7, SECRETS, owner_id=1)
    keys_path().chmod(0o644)
    with pytest.raises(BadKeys, match="chmod 600"):
        seal(7, SECRETS, owner_id=1)


def test_secrets_print_as_nothing():
    texts = [
        repr(SECRETS),
        str(SECRETS),
        f"{SECRETS}",
        f"{SECRETS:>40}",
        f"{SECRETS!r}",
        f"{[SECRETS]} {{}}",
        "%s" % (SECRETS,),  # noqa: UP031
    ]
    texts += [repr(keyring()), json.dumps({"it": SECRETS}, default=str), str(dir(SECRETS))]
    assert not [text for text in texts if CANARY in text]
    assert not hasattr(SECRETS, "__dict__")


@pytest.mark.parametrize(
    "encode",
    [
        pickle.dumps,
        copy.copy,
        copy.deepcopy,
        json.dumps,
        msgspec.json.encode,
        msgspec.msgpack.encode,
        msgspec.to_builtins,
    ],
)
def test_secrets_travel_nowhere(encode):
    with pytest.raises((TypeError, NotImplementedError)) as refused:
        encode(SECRETS)
    assert CANARY not in str(refused.value)
