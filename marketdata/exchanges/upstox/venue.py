"""Upstox, for the National Stock Exchange of India: addresses, limits, and how its parts come together."""

from collections.abc import Callable, Mapping, Sequence

import httpx
import msgspec

from marketdata.exchanges.adapter import (
    AdapterDefaults,
    BookProcedure,
    Credentials,
    Endpoints,
    Listing,
    Stream,
    StreamLimits,
)
from marketdata.exchanges.upstox.hours import TradingCalendar
from marketdata.exchanges.upstox.messages import UpstoxParser
from marketdata.exchanges.upstox.rest import UpstoxRest

_MODE = "full"
# The socket's own address is asked for each time: see `UpstoxRest.socket_url`.
_LIVE = Endpoints(rest_url="https://api.upstox.com", websocket_url="wss://api.upstox.com")


class UpstoxAdapter(AdapterDefaults):
    """Upstox never answers a request for streams: an instrument's first frame is the answer."""

    name = "upstox"
    # Whole seconds.
    server_time_step_ms = 1_000
    book_procedure = BookProcedure.IMAGES_ONLY
    # In full mode 2,000 instruments a connection, 2 connections a user; the rate of requests is not documented.
    limits = StreamLimits(
        messages_per_s=10,
        streams_per_connection=2_000,
        streams_per_message=100,
        connections_per_5min=60,
        answers_requests=False,
    )
    binary_requests = True
    # The venue pings by itself.
    heartbeat = None
    environments = ("live",)
    # A day's session then costs about 50 requests a symbol, 14 of them for history.
    rest_check_every_s = 600.0
    # A print's time runs some hundred milliseconds behind, and quotes are conflated.
    max_skew_ms = 1_500
    # Where the simulated exchange speaks this dialect.
    simulated_path = "/upstox"

    def __init__(self) -> None:
        self._calendar = TradingCalendar()

    def endpoints(self, environment: str) -> Endpoints:
        if environment != "live":
            raise ValueError(f"Upstox has no environment {environment!r} of its own: set the exchange's URLs.")
        return _LIVE

    def closed_reason(self, now_ns: int) -> str:
        """Why nothing is traded now, e.g. "market closed until Mon 05 Jan 09:15 IST"; empty while it is open."""
        return self._calendar.closed_reason(now_ns)

    def streams(self, venue_symbol: str) -> tuple[Stream, ...]:
        return (Stream(name=venue_symbol, group=_MODE),)

    def subscribe(self, streams: Sequence[Stream], *, request_id: int) -> bytes:
        return _request("sub", {"mode": _MODE, "instrumentKeys": [stream.name for stream in streams]}, request_id)

    def unsubscribe(self, streams: Sequence[Stream], *, request_id: int) -> bytes:
        return _request("unsub", {"instrumentKeys": [stream.name for stream in streams]}, request_id)

    def parser(self, *, exchange: str, symbols: Mapping[str, str], listings: Mapping[str, Listing]) -> UpstoxParser:
        return UpstoxParser(exchange=exchange, symbols=symbols)

    def rest(
        self,
        *,
        exchange: str,
        base_url: str,
        client: httpx.AsyncClient,
        clock_ns: Callable[[], int],
        credentials: Credentials | None = None,
    ) -> UpstoxRest:
        return UpstoxRest(
            exchange=exchange,
            base_url=base_url,
            client=client,
            clock_ns=clock_ns,
            credentials=credentials,
            calendar=self._calendar,
        )


def _request(method: str, data: dict[str, object], request_id: int) -> bytes:
    return msgspec.json.encode({"guid": str(request_id), "method": method, "data": data})
