"""Sealing and opening: MultiFernet, with the account and its owner inside what is sealed."""

import msgspec
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.views.decorators.debug import sensitive_variables
from msgspec import Struct

from bots.credentials.keys import Keyring, key_id, keyring, keyring_to_seal
from bots.credentials.secrets import Secrets


class CannotOpen(RuntimeError):
    """Sealed credentials that cannot be read; says why and what to do, nothing of what is inside."""


class Sealed(Struct, frozen=True, kw_only=True):
    """What the database keeps. `key_id` names the key without telling it."""

    text: str
    key_id: str


class _Content(Struct, frozen=True, kw_only=True):
    """Who it belongs to lies inside, so that a row copied to another account does not open there."""

    account_id: int
    owner_id: int
    api_key: str
    secret: str
    password: str

    def __repr__(self) -> str:
        return "_Content(…)"


@sensitive_variables()
def seal(account_id: int, secrets: Secrets, *, owner_id: int) -> Sealed:
    """Seal with the first key of the installation, which is made where there is none. Raises BadKeys."""
    content = _Content(
        account_id=account_id,
        owner_id=owner_id,
        api_key=secrets.api_key,
        secret=secrets.secret,
        password=secrets.password,
    )
    first = keyring_to_seal().keys[0]
    return Sealed(text=Fernet(first).encrypt(msgspec.json.encode(content)).decode(), key_id=key_id(first))


@sensitive_variables()
def open_sealed(account_id: int, sealed: Sealed, *, owner_id: int) -> Secrets:
    """The opposite of seal. Raises CannotOpen, BadKeys."""
    ring = keyring()
    content = _content(account_id, sealed, owner_id, ring)
    return Secrets(api_key=content.api_key, secret=content.secret, password=content.password)


@sensitive_variables()
def seal_anew(account_id: int, sealed: Sealed, *, owner_id: int) -> Sealed:
    """The same content under the first key; the argument itself where it is so already. Raises CannotOpen, BadKeys."""
    ring = keyring()
    content = _content(account_id, sealed, owner_id, ring)
    first = ring.keys[0]
    if sealed.key_id == key_id(first):
        return sealed
    return Sealed(text=Fernet(first).encrypt(msgspec.json.encode(content)).decode(), key_id=key_id(first))


@sensitive_variables()
def _content(account_id: int, sealed: Sealed, owner_id: int, ring: Keyring) -> _Content:
    try:
        plain = MultiFernet([Fernet(key) for key in ring.keys]).decrypt(sealed.text) if ring.keys else None
        content = msgspec.json.decode(plain, type=_Content) if plain is not None else None
    except (InvalidToken, ValueError, msgspec.MsgspecError):
        content = None
    if content is None:
        raise CannotOpen(_why(account_id, sealed, ring))
    if (content.account_id, content.owner_id) != (account_id, owner_id):
        raise CannotOpen(
            f"The credentials stored with account {account_id} were sealed for another account or owner: the row was "
            "copied or changed. Find out by whom, revoke the key at the venue, and give the account a new one."
        )
    return content


def _why(account_id: int, sealed: Sealed, ring: Keyring) -> str:
    if sealed.key_id in ring.ids:
        return (
            f"The credentials stored with account {account_id} are damaged. Restore the row from a backup, or give the "
            "account its API key again."
        )
    present = f"it has {', '.join(ring.ids)}" if ring.keys else "which is empty or not there"
    return (
        f"The credentials of account {account_id} are sealed with key {sealed.key_id}, which is not in {ring.where} "
        f"({present}). Put that key back, behind those that are there, or give the account its API key again."
    )
