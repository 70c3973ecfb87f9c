"""Risk controls before an order: everything that forbids an entry, each with a stable code and a sentence.

Exits always pass.
"""

from collections.abc import Iterator
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from msgspec import Struct

from bots.trading.limits import DEFAULT_CONTROLS, SECOND_NS, BotLimits, Controls
from bots.trading.money import ZERO, multiply
from bots.trading.records import InstrumentRules, Reason, Restriction
from bots.trading.vocabulary import Ladder, Purpose, Side


class RiskCode(StrEnum):
    """Why an entry is refused. Stable: integrations compare them."""

    PAUSED = "paused"
    REDUCE_ONLY = "reduce_only"
    FLATTEN = "flatten"
    NO_PRICE = "no_price"
    STALE_PRICE = "stale_price"
    SPREAD = "spread"
    PERIOD_COLLAR = "period_collar"
    CLOCK = "clock"
    QUANT_VETO = "quant_veto"
    CONFIDENCE = "confidence"
    DAILY_LOSS = "daily_loss"
    WEEKLY_TARGET = "weekly_target"
    DRAWDOWN = "drawdown"
    POSITION_OPEN = "position_open"
    MAXIMUM_POSITIONS = "maximum_positions"
    POSITION_VALUE = "position_value"
    ORDER_VALUE = "order_value"
    TRADES_PER_DAY = "trades_per_day"
    SYMBOL_EXPOSURE = "symbol_exposure"
    GROSS_EXPOSURE = "gross_exposure"
    MESSAGE_RATE = "message_rate"
    REPEAT_THROTTLE = "repeat_throttle"
    SHORT = "short"
    WATCHLIST = "watchlist"
    # Of the gate, which sees the committed rows.
    DUPLICATE = "duplicate"
    LEASE = "lease"
    BALANCE = "balance"
    BOT_STATE = "bot_state"
    LIVE_ORDER = "live_order"
    OPEN_ORDERS = "open_orders"
    POSITION_GONE = "position_gone"
    TOO_SMALL = "too_small"
    UNKNOWN_ORDER = "unknown_order"
    NOT_LIVE = "not_live"
    SELF_TRADE = "self_trade"
    REJECT_RATE = "reject_rate"
    SLIPPAGE = "slippage"
    INSTALLATION_EXPOSURE = "installation_exposure"


class RiskState(Struct, frozen=True, kw_only=True):
    """Where a bot and its account stand before an order. Money in quote; realised is after fees.

    `open_positions` counts live entries too. `symbol_exposure` and `gross_exposure` are the account's, with live entries at
    their full size. `recent_entries` are (time, symbol, side) of the bot's entries, newest last.
    """

    restriction: Restriction
    realised_today: Decimal = ZERO
    realised_week: Decimal = ZERO
    unrealised: Decimal = ZERO
    equity: Decimal
    peak_equity: Decimal
    account_equity: Decimal
    open_positions: int = 0
    has_position: bool = False
    trades_today: int = 0
    symbol_exposure: Decimal = ZERO
    gross_exposure: Decimal = ZERO
    recent_entries: tuple[tuple[int, str, Side], ...] = ()


class MarketView(Struct, frozen=True, kw_only=True):
    """The newest quote of a symbol; `ts_ns` is when it was received. None where there is none.

    `moved` is how far the price went within the period of the period collar, as a fraction.
    """

    bid: float | None
    ask: float | None
    ts_ns: int
    moved: float = 0.0


LADDER_CODES = {
    Ladder.PAUSE: RiskCode.PAUSED,
    Ladder.REDUCE: RiskCode.REDUCE_ONLY,
    Ladder.FLATTEN: RiskCode.FLATTEN,
}
LADDER_TEXTS = {
    Ladder.PAUSE: "entries are paused",
    Ladder.REDUCE: "only exits are allowed",
    Ladder.FLATTEN: "everything is being closed",
}


def _reason(code: RiskCode, text: str) -> Reason:
    return Reason(code=code.value, text=text)


def _percent(fraction: Decimal) -> str:
    return f"{fraction * 100:.2f} %"


def restriction_reasons(restriction: Restriction) -> Iterator[Reason]:
    """Why entries are restricted, if they are."""
    code = LADDER_CODES.get(restriction.ladder)
    if code is not None:
        why = f": {restriction.reason}" if restriction.reason else ""
        yield _reason(code, f"{LADDER_TEXTS[restriction.ladder]} for the {restriction.scope}{why}")


def market_reasons(market: MarketView, *, now_ns: int, controls: Controls = DEFAULT_CONTROLS) -> Iterator[Reason]:
    """What is wrong with the price, if anything."""
    if market.bid is None or market.ask is None or not 0 < market.bid <= market.ask:
        yield _reason(RiskCode.NO_PRICE, "there is no valid price")
        return
    age_ns = now_ns - market.ts_ns
    if age_ns > controls.stale_after_ns:
        limit_s = controls.stale_after_ns / SECOND_NS
        yield _reason(RiskCode.STALE_PRICE, f"the price is {age_ns / SECOND_NS:.1f} s old; at most {limit_s:.0f} s")
    spread_bps = (market.ask - market.bid) / ((market.ask + market.bid) / 2) * 10_000
    if spread_bps > controls.maximum_spread_bps:
        yield _reason(RiskCode.SPREAD, f"the spread is {spread_bps:.1f} bps; at most {controls.maximum_spread_bps:.0f}")
    if market.moved > controls.period_collar:
        yield _reason(
            RiskCode.PERIOD_COLLAR,
            f"the price moved {market.moved * 100:.1f} % within {controls.period_ns // SECOND_NS} s; "
            f"at most {controls.period_collar * 100:.0f} %",
        )


def clock_reasons(error_ms: float, *, controls: Controls = DEFAULT_CONTROLS) -> Iterator[Reason]:
    """Why an entry may not be sent with a clock that is off by `error_ms` from its venue's."""
    if abs(error_ms) > controls.clock_deny_ms:
        yield _reason(
            RiskCode.CLOCK,
            f"this machine's clock and the venue's are {abs(error_ms):.0f} ms apart; at most "
            f"{controls.clock_deny_ms:.0f} ms: set it by NTP",
        )


class LossLimits(Protocol):
    """Of BotLimits, and of a bot's row: what losses and gains are judged by."""

    @property
    def capital(self) -> Decimal: ...
    @property
    def daily_loss_limit(self) -> Decimal: ...
    @property
    def weekly_target(self) -> Decimal | None: ...
    @property
    def maximum_drawdown(self) -> Decimal: ...


class AccountResult(Struct, frozen=True, kw_only=True):
    """Where an account stands over all its bots, in quote: live equity, its peak, and what the day brought."""

    equity: Decimal
    peak_equity: Decimal
    today: Decimal
    daily_loss_limit: Decimal
    maximum_drawdown: Decimal

    @property
    def opened(self) -> Decimal:
        """Equity at the day's begin."""
        return self.equity - self.today


def account_reasons(account: AccountResult) -> Iterator[Reason]:
    """Daily loss and drawdown of a whole account; a limit of 0 is none."""
    text = account_daily_loss(account)
    if text:
        yield _reason(RiskCode.DAILY_LOSS, f"{text}: no entries until 00:00 UTC")
    text = account_drawdown(account)
    if text:
        yield _reason(RiskCode.DRAWDOWN, text)


def account_daily_loss(account: AccountResult, *, whose: str = "the account's") -> str:
    """Why an account may not enter today, or ""."""
    if (
        account.daily_loss_limit <= 0
        or account.opened <= 0
        or account.today > -account.daily_loss_limit * account.opened
    ):
        return ""
    return (
        f"{whose} result today is {account.today:.2f} over all bots, a loss beyond {_percent(account.daily_loss_limit)} "
        f"of the {account.opened:.2f} it opened with"
    )


def account_drawdown(account: AccountResult) -> str:
    """Why an account must be restricted to exits, or ""."""
    fall = account.peak_equity - account.equity
    if account.maximum_drawdown <= 0 or fall <= 0 or fall < account.maximum_drawdown * account.peak_equity:
        return ""
    return (
        f"the account's equity is {_percent(fall / account.peak_equity)} below its peak of {account.peak_equity:.2f}; "
        f"the limit is {_percent(account.maximum_drawdown)}: exits only"
    )


def loss_reasons(limits: LossLimits, state: RiskState) -> Iterator[Reason]:
    """Daily loss, weekly target and drawdown."""
    today = state.realised_today + state.unrealised
    if has_lost_the_day(limits, state):
        yield _reason(
            RiskCode.DAILY_LOSS,
            f"today's result is {today:.2f}, a loss of {_percent(-today / limits.capital)} of capital; "
            f"the limit is {_percent(limits.daily_loss_limit)}: no entries until 00:00 UTC",
        )
    if limits.weekly_target and state.realised_week >= limits.weekly_target * limits.capital:
        yield _reason(
            RiskCode.WEEKLY_TARGET,
            f"this week's target is reached ({state.realised_week:.2f}, {_percent(limits.weekly_target)} of capital): "
            "no entries until Monday 00:00 UTC",
        )
    if is_drawn_down(limits, state):
        fall = (state.peak_equity - state.equity) / state.peak_equity
        yield _reason(
            RiskCode.DRAWDOWN,
            f"equity is {_percent(fall)} below its peak of {state.peak_equity:.2f}; "
            f"the limit is {_percent(limits.maximum_drawdown)}: exits only",
        )


def has_lost_the_day(limits: LossLimits, state: RiskState) -> bool:
    """Whether the bot may not enter today."""
    today = state.realised_today + state.unrealised
    return limits.daily_loss_limit > 0 and today <= -limits.daily_loss_limit * limits.capital


def is_drawn_down(limits: LossLimits, state: RiskState) -> bool:
    """Whether the bot must be restricted to exits."""
    return state.peak_equity > 0 and state.peak_equity - state.equity >= limits.maximum_drawdown * state.peak_equity


def size_reasons(
    limits: BotLimits, state: RiskState, *, notional: Decimal, controls: Controls = DEFAULT_CONTROLS
) -> Iterator[Reason]:
    """Limits on the value of an order and on exposure."""
    if notional > limits.maximum_position_value:
        yield _reason(
            RiskCode.POSITION_VALUE,
            f"the position would be worth {notional:.2f}; at most {limits.maximum_position_value:.2f}",
        )
    order_value = controls.order_value(state.account_equity)
    if notional > order_value:
        yield _reason(RiskCode.ORDER_VALUE, f"the order is worth {notional:.2f}; at most {order_value:.2f}")
    for code, name, exposure, fraction in (
        (RiskCode.SYMBOL_EXPOSURE, "the symbol", state.symbol_exposure, controls.symbol_exposure_fraction),
        (RiskCode.GROSS_EXPOSURE, "the account", state.gross_exposure, controls.gross_exposure_fraction),
    ):
        allowed = fraction * state.account_equity
        if exposure + notional > allowed:
            yield _reason(code, f"exposure of {name} would be {exposure + notional:.2f}; at most {allowed:.2f}")


def count_reasons(limits: BotLimits, state: RiskState) -> Iterator[Reason]:
    """Limits on how many positions and trades."""
    if state.has_position:
        yield _reason(RiskCode.POSITION_OPEN, "a position in this symbol is already open")
    if state.open_positions >= limits.maximum_positions:
        yield _reason(
            RiskCode.MAXIMUM_POSITIONS, f"{state.open_positions} positions are open; at most {limits.maximum_positions}"
        )
    if state.trades_today >= limits.maximum_trades_per_day:
        yield _reason(
            RiskCode.TRADES_PER_DAY, f"{state.trades_today} entries today; at most {limits.maximum_trades_per_day}"
        )


def rate_reasons(state: RiskState, *, now_ns: int, controls: Controls = DEFAULT_CONTROLS) -> Iterator[Reason]:
    """Limits on how often. The gate counts repeats, from what was committed: they turn a bot off."""
    just_sent = sum(now_ns - entry[0] < controls.messages_window_ns for entry in state.recent_entries)
    yield from message_reasons(just_sent, controls.messages_in_window, who="bot", controls=controls)


def message_reasons(sent: int, allowed: int, *, who: str, controls: Controls) -> Iterator[Reason]:
    """Orders within the window of the message rate."""
    if sent >= allowed:
        window_s = controls.messages_window_ns // SECOND_NS
        yield _reason(RiskCode.MESSAGE_RATE, f"the {who} sent {sent} orders within {window_s} seconds")


def throttle_text(
    entries: int, identical: int, *, maximum: int, symbol: str, controls: Controls = DEFAULT_CONTROLS
) -> str | None:
    """Why a bot that made so many entries within the windows is turned off until a person allows it again."""
    if entries >= maximum:
        window_min = controls.entries_window_ns // (60 * SECOND_NS)
        return f"{entries} entries within {window_min} minutes, where {maximum} turn the bot off until it is cleared"
    if identical >= controls.identical(maximum):
        window_s = controls.identical_window_ns // SECOND_NS
        return (
            f"{identical} identical entries in {symbol} within {window_s} s, where {controls.identical(maximum)} turn "
            "the bot off until it is cleared"
        )
    return None


def evaluate_risk(
    *,
    purpose: Purpose,
    limits: BotLimits,
    state: RiskState,
    market: MarketView,
    now_ns: int,
    rules: InstrumentRules,
    side: Side,
    quantity: Decimal,
    price: Decimal,
    confidence: float,
    vetoes: tuple[Reason, ...] = (),
    controls: Controls = DEFAULT_CONTROLS,
) -> tuple[Reason, ...]:
    """Every reason against an order, most general first; empty approves it. Exits always pass.

    vetoes: the quant block list's reasons. quantity in base, price in quote.
    """
    if purpose is Purpose.EXIT:
        return ()
    reasons = [*restriction_reasons(state.restriction), *market_reasons(market, now_ns=now_ns, controls=controls)]
    reasons += [_reason(RiskCode.QUANT_VETO, f"do not trade now: {veto.text}") for veto in vetoes]
    if confidence < limits.minimum_confidence:
        reasons.append(
            _reason(RiskCode.CONFIDENCE, f"confidence is {confidence:.2f}; at least {limits.minimum_confidence:.2f}")
        )
    if side is Side.SELL and not rules.can_short:
        reasons.append(_reason(RiskCode.SHORT, f"{rules.symbol} cannot be sold short here"))
    reasons += loss_reasons(limits, state)
    reasons += count_reasons(limits, state)
    reasons += size_reasons(limits, state, notional=multiply(quantity, price), controls=controls)
    reasons += rate_reasons(state, now_ns=now_ns, controls=controls)
    return tuple(reasons)


def strictest(*steps: Restriction) -> Restriction:
    """The strictest of several restrictions; the first of equals."""
    return max(steps, key=lambda step: step.ladder.rank)
