"""On what terms a venue serves: addresses, keys, limits, subscriptions, and the rules of its instruments."""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum


class BookProcedure(StrEnum):
    """How a venue's order book is kept."""

    # Buffer deltas, fetch an image by REST, drop what is older, apply the rest (Binance).
    SNAPSHOT_AND_BUFFER = "snapshot-and-buffer"
    # An image comes over the socket after subscribing, deltas follow it: subscribe again to recover (Kraken, Coinbase).
    IMAGE_ON_SUBSCRIBE = "image-on-subscribe"
    # Every message is the whole of the levels that the venue sends (BingX, Upstox).
    IMAGES_ONLY = "images-only"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    rest_url: str
    websocket_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What a venue wants for data that is not public. Never logged: the representation shows nothing."""

    api_key: str = field(default="", repr=False)
    api_secret: str = field(default="", repr=False)
    passphrase: str = field(default="", repr=False)
    access_token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamLimits:
    """What a venue allows. `lifetime_s`: it closes each socket after this long (0: never).

    `answers_requests`: each is answered, so that the next can wait until it was read. `counts_by_address`: all sockets
    share `messages_per_s`.
    """

    messages_per_s: float
    streams_per_connection: int
    streams_per_message: int
    connections_per_5min: int = 300
    lifetime_s: float = 0
    answers_requests: bool = True
    counts_by_address: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """One subscription. Streams of different routes go over different sockets; one message carries one group only.

    `name` is what the venue calls it (or its symbol there), `group` the channel where a message names just one.
    """

    name: str
    group: str = ""
    route: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """What the venue wants to hear from us every `interval_s` so that it keeps the socket.

    It takes the place of WebSocket's own pings, which such venues need not answer.
    """

    interval_s: float
    payload: bytes
    binary: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A venue's rules for one instrument. Sizes in base, notional in quote.

    `contract_size`: base units in one of the venue's units of size (1 where it counts in base). `price_decimals` and
    `size_decimals` are given where the venue's checksum needs them.
    """

    symbol: str
    venue_symbol: str
    base: str
    quote: str
    tick_size: Decimal
    lot_size: Decimal
    min_quantity: Decimal
    max_quantity: Decimal
    min_notional: Decimal
    active: bool
    kind: str = "spot"
    contract_size: Decimal = Decimal(1)
    price_decimals: int | None = None
    size_decimals: int | None = None
    # A perpetual's: hours from one payment of funding to the next.
    funding_interval_h: float = 8.0
