"""Keys for the scripting API, from the environment."""

from collections.abc import Mapping

_NAMES = {"apiKey": ("API_KEY",), "secret": ("API_SECRET", "SECRET"), "password": ("API_PASSPHRASE", "PASSPHRASE")}


def credentials_from(environment: Mapping[str, str], exchange: str) -> dict[str, str] | None:
    """An exchange's keys as ccxt names them, or None where there are none.

    For kucoinfutures: KUCOINFUTURES_API_KEY, KUCOINFUTURES_API_SECRET (or KUCOINFUTURES_SECRET) and
    KUCOINFUTURES_API_PASSPHRASE (or KUCOINFUTURES_PASSPHRASE).
    """
    found: dict[str, str] = {}
    for name, endings in _NAMES.items():
        for ending in endings:
            value = environment.get(f"{exchange.upper()}_{ending}")
            if value:
                found[name] = value
                break
    return found or None
