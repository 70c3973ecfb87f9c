"""The names of everything that can be made to go wrong here, and how its meaning is written down."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType


class Fault(StrEnum):
    # Streams
    SKIP_DEPTH = "skip_depth"
    DUPLICATE_DEPTH = "duplicate_depth"
    REORDER_DEPTH = "reorder_depth"
    WRONG_LEVEL = "wrong_level"
    BAD_DEPTH = "bad_depth"
    SKIP_TRADE = "skip_trade"
    DUPLICATE_TRADE = "duplicate_trade"
    CORRUPT_FRAME = "corrupt_frame"
    HUGE_FRAME = "huge_frame"
    WRONG_ID = "wrong_id"
    CROSSED_QUOTE = "crossed_quote"
    ZERO_PRICE = "zero_price"
    NAN_PRICE = "nan_price"
    SPIKE_PRICE = "spike_price"
    FREEZE_DATA = "freeze_data"
    STAND_STILL = "stand_still"
    BURST = "burst"
    # Sockets
    DROP_SOCKETS = "drop_sockets"
    CLOSE_LISTENER = "close_listener"
    REFUSE_CONNECTIONS = "refuse_connections"
    HALF_OPEN = "half_open"
    SERVER_SHUTDOWN = "server_shutdown"
    LIFETIME = "lifetime"
    NO_PONG = "no_pong"
    SLOW_PONG = "slow_pong"
    PING_NOW = "ping_now"
    SILENT_SUBSCRIBE = "silent_subscribe"
    REFUSE_SYMBOL = "refuse_symbol"
    EXPIRE_LISTEN_KEY = "expire_listen_key"
    # REST
    OLD_SNAPSHOT = "old_snapshot"
    STALE_REST = "stale_rest"
    SLOW_ANSWER = "slow_answer"
    GARBAGE = "garbage"
    MAINTENANCE = "maintenance"
    TOO_MANY_REQUESTS = "too_many_requests"
    BAN = "ban"
    # The venue itself
    CLOCK_SKEW = "clock_skew"
    LISTING_CHANGE = "listing_change"
    DELIST = "delist"
    GAP_MARKET = "gap_market"
    HALT_TRADING = "halt_trading"
    KEY_CHANGE = "key_change"
    # Sending orders
    SLOW_MATCHING = "slow_matching"
    SLOW_ACK = "slow_ack"
    LOSE_ANSWER = "lose_answer"
    UNKNOWN_STATUS = "unknown_status"
    GARBLED_ANSWER = "garbled_answer"
    REJECT_REQUEST = "reject_request"
    STRICT_NONCE = "strict_nonce"
    FAIL_LEG = "fail_leg"
    # Orders and their fills
    HIDE_ORDER = "hide_order"
    STALE_ORDERS = "stale_orders"
    ARCHIVE_ORDERS = "archive_orders"
    SWALLOW_CANCEL = "swallow_cancel"
    RACE_FILL = "race_fill"
    OVERFILL = "overfill"
    LATE_TRADES = "late_trades"
    # The account's stream
    DROP_EVENTS = "drop_events"
    DELAY_EVENTS = "delay_events"
    DUPLICATE_EVENTS = "duplicate_events"
    SHUFFLE_EVENTS = "shuffle_events"
    REPLAY_EVENTS = "replay_events"


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """What a fault does, and the settings it takes with their defaults.

    A `count` strikes so many times (for each symbol where the fault has one), `seconds` is how long it lasts; what has
    both ends with the first. None is no end.
    """

    text: str
    settings: Mapping[str, object] = field(default_factory=dict)


def meaning(text: str, **settings: object) -> Meaning:
    return Meaning(text=text, settings=MappingProxyType(settings))


def strikes(text: str, **settings: object) -> Meaning:
    """Of some frames of one symbol, or of every symbol."""
    return meaning(text, **{"symbol": "", "count": 1, "seconds": 60.0} | settings)


def prices(text: str, **settings: object) -> Meaning:
    """Of every frame for some seconds: a single one is over before anybody looks."""
    return strikes(text, **{"count": None, "seconds": 5.0} | settings)
