"""What KuCoin's spot and futures sockets have alike, whatever their topics."""

from collections.abc import Mapping, Sequence

from marketdata.exchanges.adapter import AdapterDefaults, BookProcedure, Endpoints, Stream
from marketdata.exchanges.kucoin.control import HEARTBEAT, LIMITS, request


class KucoinDialect(AdapterDefaults):
    """`topics` together tell all about a symbol; `venue` is its name for people."""

    venue: str
    topics: tuple[str, ...]
    addresses: Mapping[str, Endpoints]
    book_procedure = BookProcedure.SNAPSHOT_AND_BUFFER
    limits = LIMITS
    heartbeat = HEARTBEAT

    @property
    def environments(self) -> tuple[str, ...]:
        return tuple(self.addresses)

    def endpoints(self, environment: str) -> Endpoints:
        try:
            return self.addresses[environment]
        except KeyError:
            known = ", ".join(self.addresses)
            raise ValueError(
                f"{self.venue} has no environment {environment!r} of its own (it has {known}): set the exchange's URLs."
            ) from None

    def streams(self, venue_symbol: str) -> tuple[Stream, ...]:
        return tuple(Stream(name=venue_symbol, group=topic) for topic in self.topics)

    def subscribe(self, streams: Sequence[Stream], *, request_id: int) -> bytes:
        return request("subscribe", streams, request_id)

    def unsubscribe(self, streams: Sequence[Stream], *, request_id: int) -> bytes:
        return request("unsubscribe", streams, request_id)
