"""The limits that a bot trades within: its owner's, and the installation's controls."""

from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

SECOND_NS = 1_000_000_000


class BotLimits(Struct, frozen=True, kw_only=True):
    """A bot's own limits. Money in quote; fractions are of 1."""

    capital: Decimal
    maximum_positions: int
    maximum_position_value: Decimal
    maximum_trades_per_day: int
    minimum_confidence: float
    stop_loss: Decimal
    take_profit: Decimal
    trailing_stop: Decimal
    daily_loss_limit: Decimal
    weekly_target: Decimal | None
    maximum_drawdown: Decimal

    def ramped(self, factor: Decimal) -> "BotLimits":
        """With limits on size times a factor."""
        return replace(self, maximum_position_value=self.maximum_position_value * factor)


class Controls(Struct, frozen=True, kw_only=True):
    """Pre-trade controls that hold for everybody. Bases: RTS 6 article 15, SEC rule 15c3-5."""

    order_value_maximum: Decimal = Decimal(1000)
    order_value_fraction: Decimal = Decimal("0.05")
    symbol_exposure_fraction: Decimal = Decimal("0.20")
    gross_exposure_fraction: Decimal = Decimal(1)
    stale_after_ns: int = 3 * SECOND_NS
    maximum_spread_bps: float = 50.0
    # One a second on average: a bot that looks at its whole watchlist at once may send for all of it.
    messages_window_ns: int = 5 * SECOND_NS
    messages_in_window: int = 5
    account_messages_in_window: int = 25
    # Repeats: how many entries a bot may make in the window is its own setting; of identical ones three tenths of it.
    entries_window_ns: int = 300 * SECOND_NS
    identical_window_ns: int = 60 * SECOND_NS
    identical_fraction: Decimal = Decimal("0.3")
    identical_minimum: int = 3
    open_orders: int = 10
    # The price within a minute, as a share of its lowest.
    period_ns: int = 60 * SECOND_NS
    period_collar: float = 0.10
    day_volume_fraction: Decimal = Decimal("0.01")
    # Of a bot's last orders: more of them refused by the venue, or so many that filled so much worse than decided on.
    judged_orders: int = 20
    rejected_fraction: Decimal = Decimal("0.30")
    slippage_fraction: Decimal = Decimal("0.01")
    slippages: int = 3
    clock_alert_ms: float = 250.0
    clock_deny_ms: float = 500.0

    @property
    def rejected_maximum(self) -> int:
        """How many of the last orders a venue may refuse."""
        return int(self.rejected_fraction * self.judged_orders)

    def ramped(self, factor: Decimal) -> "Controls":
        """With limits on size times a factor, e.g. on the first day of real money."""
        if factor == 1:
            return self
        return replace(
            self,
            order_value_maximum=self.order_value_maximum * factor,
            order_value_fraction=self.order_value_fraction * factor,
            symbol_exposure_fraction=self.symbol_exposure_fraction * factor,
            gross_exposure_fraction=self.gross_exposure_fraction * factor,
        )

    def identical(self, entries: int) -> int:
        """How many identical entries turn a bot off that may make so many in all."""
        return max(self.identical_minimum, int(self.identical_fraction * entries))

    def order_value(self, account_equity: Decimal) -> Decimal:
        """The most that one order may be worth, in quote."""
        return min(self.order_value_maximum, self.order_value_fraction * account_equity)


DEFAULT_CONTROLS = Controls()
