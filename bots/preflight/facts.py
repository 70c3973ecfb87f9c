"""What checks look at: gathered first, judged after."""

from collections.abc import Mapping
from decimal import Decimal

from msgspec import Struct


class SymbolFacts(Struct, frozen=True, kw_only=True):
    """One instrument of the watchlist. Ages in seconds, None where there is nothing."""

    symbol: str
    has_rules: bool
    rules_age_s: float
    feed_state: str = ""
    feed_reason: str = ""
    feed_age_s: float | None = None
    tick_age_s: float | None = None
    has_model: bool = False


class KeyFacts(Struct, frozen=True, kw_only=True):
    """What the key may do; None where the venue does not tell."""

    can_trade: bool | None
    can_withdraw: bool | None
    is_ip_bound: bool | None


class VenueFacts(Struct, frozen=True, kw_only=True):
    """What the venue said; None where it did not, and why in the errors. `free_cash` in the quote asset."""

    key_error: str = ""
    error: str = ""
    offset_ms: float | None = None
    key: KeyFacts | None = None
    free_cash: Decimal | None = None


class PaperRecord(Struct, frozen=True, kw_only=True):
    """What the same strategy did on paper: closed trades, since how many days, and what they brought after fees."""

    trades: int
    days: float
    pnl: Decimal
    quote: str


class Facts(Struct, frozen=True, kw_only=True):
    """Everything about one bot and its account, at one time. Money in the account's quote asset."""

    mode: str
    account: str
    exchange: str
    quote: str
    symbols: tuple[SymbolFacts, ...]
    size: Decimal
    size_of_others: Decimal
    limits: Mapping[str, Decimal]
    paper: PaperRecord
    paper_trades_needed: int
    paper_days_needed: float
    weighs_model: bool
    restriction: str = ""
    venue: VenueFacts | None = None
    site_url: str = ""
    is_live: bool = False

    @property
    def has_money(self) -> bool:
        return self.mode == "live"
