"""Which exchanges CCXT Pro has. Looked up in its files: importing ccxt costs a second and 100 MB."""

import difflib
from functools import cache
from importlib.util import find_spec
from pathlib import Path

_SUGGESTIONS = 3


class UnknownExchange(ValueError):
    """CCXT Pro has no exchange of this name."""


class NotSimulated(ValueError):
    """The simulated exchange does not stand in for this one; the message names those that it does."""


@cache
def ccxt_exchanges() -> frozenset[str]:
    """The ids of the exchanges with WebSockets in the installed ccxt; empty where ccxt is not installed."""
    spec = find_spec("ccxt")
    if spec is None or spec.origin is None:
        return frozenset()
    files = (Path(spec.origin).parent / "pro").glob("*.py")
    return frozenset(file.stem for file in files if file.stem != "__init__")


def check_exchange(exchange_id: str) -> str:
    """Give the id as ccxt spells it. Raises UnknownExchange, which names close matches."""
    known = ccxt_exchanges()
    wanted = exchange_id.strip().lower()
    if wanted in known:
        return wanted
    if not known:
        raise UnknownExchange("ccxt is not installed: pip install ccxt.")
    close = difflib.get_close_matches(wanted, sorted(known), n=_SUGGESTIONS, cutoff=0.5)
    hint = f" Did you mean {' or '.join(close)}?" if close else f" Known are: {', '.join(sorted(known))}."
    raise UnknownExchange(f"CCXT Pro has no exchange called {exchange_id!r}.{hint}")
