"""Any exchange that CCXT Pro has, under the name "ccxt:<id>". ccxt runs in a process of its own, never in this one."""

import random
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from marketdata.ccxtpro.names import check_exchange
from marketdata.ccxtpro.process import ChildProcess
from marketdata.ccxtpro.rest import CcxtRest
from marketdata.ccxtpro.source import CcxtSource, market_events
from marketdata.ccxtpro.wire import BrokenFrame, Start, decode_reports
from marketdata.exchanges.adapter import (
    AdapterDefaults,
    BookImage,
    BookProcedure,
    Credentials,
    Endpoints,
    Listing,
    MalformedFrame,
    Stream,
    StreamLimits,
    VenueEvent,
)
from marketdata.feed.source import Hearer

if TYPE_CHECKING:
    import httpx

PREFIX = "ccxt:"
_SCHEME = "ccxt://"


class CcxtParser:
    """Reads the frames of the child process, so that a recording of them can be played."""

    def parse(self, frame: bytes, *, ts_init: int) -> Sequence[VenueEvent]:
        try:
            return market_events(decode_reports(frame))
        except BrokenFrame as error:
            raise MalformedFrame(str(error), frame) from error

    def parse_image(self, frame: bytes, *, symbol: str, ts_init: int) -> BookImage:
        raise MalformedFrame("ccxt sends no book images apart from its stream", frame)


class CcxtAdapter(AdapterDefaults):
    """One exchange of ccxt. `source_factory` says that its records come from a source of its own.

    One child process serves the stream and the REST requests of an exchange; `options` go to the ccxt exchange.
    """

    book_procedure = BookProcedure.IMAGES_ONLY
    # The child sends quotes, from the venue's channel of them or from its book.
    quotes_from_book = False
    environments = ("live", "testnet")
    # Some of its exchanges tell whole seconds, cut, and it does not say which: a second to either side.
    server_time_step_ms = 2_000
    # ccxt keeps the venue's limits itself.
    limits = StreamLimits(messages_per_s=1, streams_per_connection=1_000, streams_per_message=1)

    def __init__(self, exchange_id: str, *, options: Mapping[str, Any] | None = None) -> None:
        """Raises UnknownExchange, which names close matches."""
        self.exchange_id = check_exchange(exchange_id)
        self.name = f"{PREFIX}{self.exchange_id}"
        self._options = options or {}
        self._children: dict[str, ChildProcess] = {}

    @property
    def source_factory(self) -> Callable[..., CcxtSource]:
        return self.make_source

    def make_source(
        self,
        *,
        config_environment: str,
        exchange: str,
        hearer: Hearer,
        rng: random.Random,
        endpoints: Endpoints | None = None,
        credentials: Credentials | None = None,
        reconnect_max_s: float = 30.0,
        reconnect_jitter: float = 0.1,
    ) -> CcxtSource:
        """The records of an exchange: `exchange` is our code of it. Its child starts with the first symbol."""
        rest_url = endpoints.rest_url if endpoints is not None else self.endpoints(config_environment).rest_url
        child = self._child(exchange, rest_url, credentials)
        if endpoints is not None and not endpoints.websocket_url.startswith(_SCHEME) and child.start.rest_url:
            child.start = msgspec.structs.replace(child.start, websocket_url=endpoints.websocket_url)
        child.set_backoff(max_s=reconnect_max_s, jitter=reconnect_jitter, rng=rng)
        return CcxtSource(child=child, hearer=hearer)

    def endpoints(self, environment: str) -> Endpoints:
        """Names of what ccxt knows the addresses of. Raises ValueError."""
        if environment not in self.environments:
            known = ", ".join(self.environments)
            raise ValueError(f"{self.name} has no environment {environment!r} of its own (it has {known}).")
        address = f"{_SCHEME}{self.exchange_id}/{environment}"
        return Endpoints(rest_url=address, websocket_url=address)

    def streams(self, venue_symbol: str) -> tuple[Stream, ...]:
        """One: ccxt chooses the channels."""
        return (Stream(name=venue_symbol),)

    def subscribe(self, streams: Sequence[Stream], *, request_id: int) -> bytes:
        """Nothing: ccxt subscribes by itself."""
        return b""

    def unsubscribe(self, streams: Sequence[Stream], *, request_id: int) -> bytes:
        """Nothing: ccxt does it by itself."""
        return b""

    def parser(self, *, exchange: str, symbols: Mapping[str, str], listings: Mapping[str, Listing]) -> CcxtParser:
        return CcxtParser()

    def rest(
        self,
        *,
        exchange: str,
        base_url: str,
        client: "httpx.AsyncClient | None" = None,
        clock_ns: Callable[[], int] | None = None,
        credentials: Credentials | None = None,
    ) -> CcxtRest:
        """`base_url` is one of `endpoints`, or the simulated exchange's. Client and clock are the child's own."""
        return CcxtRest(self._child(exchange, base_url, credentials))

    def _child(self, exchange: str, rest_url: str, credentials: Credentials | None) -> ChildProcess:
        key = f"{exchange} {rest_url}"
        if key not in self._children:
            own = rest_url.startswith(_SCHEME)
            keys = {} if credentials is None else _present(credentials)
            self._children[key] = ChildProcess(
                Start(
                    exchange_id=self.exchange_id,
                    exchange=exchange,
                    environment=rest_url.rsplit("/", 1)[1] if own else "simulated",
                    rest_url="" if own else rest_url,
                    credentials=keys,
                    options=self._options,
                ),
                rng=random.Random(),
            )
        return self._children[key]


def _present(credentials: Credentials) -> dict[str, str]:
    names = ("api_key", "api_secret", "passphrase", "access_token")
    return {name: value for name in names if (value := getattr(credentials, name))}
