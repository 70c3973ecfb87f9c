"""Keys in memory, which print as nothing."""

from typing import Any, Final, NoReturn, final

SHOWN = "Secrets(…)"


@final
class Secrets:
    """An API key with what belongs to it. Compares by value; cannot be printed, copied to JSON or pickled.

    Not a Struct or a dataclass: msgspec and Django's encoders write those out.
    """

    __slots__ = ("_api_key", "_password", "_secret")

    def __init__(self, *, api_key: str, secret: str, password: str = "") -> None:
        self._api_key: Final = api_key
        self._secret: Final = secret
        self._password: Final = password

    @property
    def api_key(self) -> str:
        return self._api_key

    @property
    def secret(self) -> str:
        return self._secret

    @property
    def password(self) -> str:
        """KuCoin's passphrase and the like; empty where the venue has none."""
        return self._password

    def __repr__(self) -> str:
        return SHOWN

    def __format__(self, format_spec: str) -> str:
        return SHOWN

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secrets):
            return NotImplemented
        mine = (self._api_key, self._secret, self._password)
        return mine == (other._api_key, other._secret, other._password)

    def __hash__(self) -> int:
        return hash((self._api_key, self._secret, self._password))

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError(
            "Secrets are neither pickled nor copied: pass the account's id, and open them where they are used."
        )
