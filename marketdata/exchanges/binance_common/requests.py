"""Requests on the socket, and which environments there are."""

from collections.abc import Mapping, Sequence

import msgspec

from marketdata.exchanges.adapter import Endpoints, Stream


def request(method: str, streams: Sequence[Stream], request_id: int) -> bytes:
    return msgspec.json.encode({"method": method, "params": [stream.name for stream in streams], "id": request_id})


def endpoints_of(endpoints: Mapping[str, Endpoints], environment: str, *, venue: str) -> Endpoints:
    """Raises ValueError, naming the environments that there are."""
    try:
        return endpoints[environment]
    except KeyError:
        known = ", ".join(endpoints)
        raise ValueError(
            f"{venue} has no environment {environment!r} of its own (it has {known}): set the exchange's URLs."
        ) from None
