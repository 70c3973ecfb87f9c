"""Which venue a trial means: an exchange of the database by its code, or any adapter by its name."""

import difflib

from django.conf import settings
from django.db import DatabaseError, InterfaceError

from marketdata.exchanges.catalog import adapter_names
from marketdata.feed.config import FeedConfig, FeedConfigError, load_config, make_config
from marketdata.models import Environment, Exchange

_CCXT = "ccxt:"


def trial_config(name: str, *, environment: str) -> FeedConfig:
    """`environment` empty: as the exchange's row says, or as new exchanges begin.

    Works without a database for an adapter's name. Raises FeedConfigError and UnknownAdapter, which say what there is.
    """
    try:
        codes = list(Exchange.objects.values_list("code", flat=True))
    except (DatabaseError, InterfaceError):
        codes = []
    if name in codes and not environment:
        return load_config(name)
    if name in codes:
        row = Exchange.objects.get(code=name)
        row.environment, row.rest_url, row.websocket_url = environment, "", ""
        return make_config(row)
    if name not in adapter_names() and not name.startswith(_CCXT):
        raise FeedConfigError(f"There is no exchange or adapter called {name!r}: {_hint(name, codes)}")
    begins_as = Environment.SIMULATED if settings.WEBSOCKET_MOCK_MODE else Environment.LIVE
    return make_config(Exchange(pk=0, code=name, name=name, adapter=name, environment=environment or begins_as))


def _hint(name: str, codes: list[str]) -> str:
    known = sorted({*codes, *adapter_names()})
    close = difflib.get_close_matches(name.lower(), known, n=3, cutoff=0.5)
    if close:
        return f"did you mean {' or '.join(close)}?"
    return f"known are {', '.join(known)}, and ccxt:<id> for any other exchange of CCXT Pro."
