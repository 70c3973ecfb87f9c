"""How much to buy: the least of what volatility, risk, limits, cash and depth allow, in whole lots.

The only place where a float becomes a Decimal that is traded. Sources: Carver, Systematic Trading (2015), ch. 9;
fixed-fractional sizing.
"""

import math
from decimal import Decimal

from msgspec import Struct

from bots.trading.limits import DEFAULT_CONTROLS, BotLimits, Controls
from bots.trading.money import CONTEXT, ZERO, ceil_to, floor_to, from_float, multiply
from bots.trading.records import InstrumentRules, Reason
from bots.trading.vocabulary import Side

TARGET_VOLATILITY = 0.16
RISK_FRACTION = Decimal("0.005")
DEPTH_FRACTION = Decimal("0.10")
COLLAR_FRACTION = Decimal("0.03")
# Below this, annual volatility is measurement noise, and the target would ask for everything.
MINIMUM_VOLATILITY = 0.02
# A fee is taken out of what is bought: the smallest order less its fee could not be sold again.
FEE_ALLOWANCE = Decimal("0.01")
# Equity may fall a little between sizing and the gate, which judges limits that are fractions of it again.
HEADROOM = Decimal("0.98")


class Sized(Struct, frozen=True, kw_only=True):
    """What to order. `binding` names the limit that decided it; `limits` is what each allowed, in quote."""

    quantity: Decimal
    notional: Decimal
    binding: str
    limits: dict[str, Decimal]


class TooSmall(Struct, frozen=True, kw_only=True):
    """Nothing can be ordered, and why."""

    reason: Reason
    binding: str
    limits: dict[str, Decimal]


def size_entry(
    *,
    rules: InstrumentRules,
    limits: BotLimits,
    price: float,
    forecast: float,
    sigma_annual: float | None,
    equity: Decimal,
    account_equity: Decimal,
    free_cash: Decimal,
    depth_quantity: float | None = None,
    day_volume: float | None = None,
    symbol_room: Decimal | None = None,
    gross_room: Decimal | None = None,
    controls: Controls = DEFAULT_CONTROLS,
) -> Sized | TooSmall:
    """Size an entry.

    price: the worst that a unit may cost: a market order's collar, a limit order's limit. forecast: -20 to 20, ten is average. sigma_annual: annual volatility as a fraction, None where
    unknown. equity: the bot's; account_equity, free_cash: the account's, in quote. depth_quantity: base on offer within the
    collar; day_volume: base traded in 24 hours; either None where not known. symbol_room, gross_room: what the account's exposure limits leave, in quote; None where not known.
    Raises ValueError for a price that is not a positive number.
    """
    if not (math.isfinite(price) and price > 0):
        raise ValueError(f"size_entry needs a positive price, got {price!r}")
    unit_price = from_float(price)
    allowed = {
        "risk_per_trade": CONTEXT.divide(CONTEXT.multiply(RISK_FRACTION, equity), limits.stop_loss),
        "maximum_position_value": limits.maximum_position_value,
        "order_value": HEADROOM * controls.order_value(account_equity),
        "free_cash": free_cash,
    }
    if sigma_annual is not None and math.isfinite(sigma_annual):
        share = TARGET_VOLATILITY / max(sigma_annual, MINIMUM_VOLATILITY) * min(abs(forecast), 20.0) / 10
        allowed["volatility_target"] = CONTEXT.multiply(limits.capital, from_float(share))
    if depth_quantity is not None:
        allowed["depth"] = CONTEXT.multiply(CONTEXT.multiply(DEPTH_FRACTION, from_float(depth_quantity)), unit_price)
    if day_volume is not None:
        traded = CONTEXT.multiply(from_float(day_volume), unit_price)
        allowed["day_volume"] = CONTEXT.multiply(controls.day_volume_fraction, traded)
    if symbol_room is not None:
        allowed["symbol_exposure"] = HEADROOM * symbol_room
    if gross_room is not None:
        allowed["gross_exposure"] = HEADROOM * gross_room
    allowed = {name: max(ZERO, value.quantize(Decimal("1e-8"))) for name, value in allowed.items()}
    binding = min(allowed, key=lambda name: allowed[name])
    wanted = CONTEXT.divide(allowed[binding], unit_price)
    if wanted > rules.max_quantity > 0:
        wanted, binding = rules.max_quantity, "max_quantity"
    quantity = floor_to(wanted, rules.lot_size)
    notional = multiply(quantity, unit_price)
    # What is bought must still be sellable at its stop.
    needed = CONTEXT.divide(rules.min_notional, 1 - limits.stop_loss)
    kept = CONTEXT.multiply(quantity, 1 - FEE_ALLOWANCE)
    if kept < max(rules.min_quantity, rules.lot_size) or notional < needed:
        text = (
            f"{binding.replace('_', ' ')} allows {allowed.get(binding, notional):.2f} {rules.quote} of {rules.symbol}; "
            f"the smallest order is {needed:.2f} {rules.quote} and {rules.min_quantity.normalize():f} {rules.base}"
        )
        return TooSmall(reason=Reason(code="too_small", text=text), binding=binding, limits=allowed)
    return Sized(quantity=quantity, notional=notional, binding=binding, limits=allowed)


def exit_quantity(*, rules: InstrumentRules, held: Decimal) -> Decimal:
    """All of a position that can be sold, in whole lots."""
    return floor_to(held, rules.lot_size)


def slice_quantity(*, rules: InstrumentRules, held: Decimal, price: Decimal, depth_quantity: float | None) -> Decimal:
    """What of a position to close at once: a tenth of the depth, or all where that is little or the depth is not known.

    Neither a slice nor what it leaves is below the venue's smallest order.
    """
    whole = exit_quantity(rules=rules, held=held)
    if depth_quantity is None or not math.isfinite(depth_quantity):
        return whole
    smallest = max(rules.min_quantity, ceil_to(CONTEXT.divide(rules.min_notional, price), rules.lot_size))
    part = max(floor_to(CONTEXT.multiply(DEPTH_FRACTION, from_float(depth_quantity)), rules.lot_size), smallest)
    return whole if whole - part < smallest else part


def collar_price(*, side: Side, mid: float, rules: InstrumentRules, fraction: Decimal = COLLAR_FRACTION) -> Decimal:
    """The worst price that a market order may trade at: `fraction` beyond the mid, on a tick.

    Raises ValueError for a mid that is not a positive number.
    """
    if not (math.isfinite(mid) and mid > 0):
        raise ValueError(f"collar_price needs a positive mid, got {mid!r}")
    centre = from_float(mid)
    if side is Side.BUY:
        return floor_to(CONTEXT.multiply(centre, 1 + fraction), rules.tick_size)
    return max(rules.tick_size, ceil_to(CONTEXT.multiply(centre, 1 - fraction), rules.tick_size))


def limit_price(*, side: Side, price: float, rules: InstrumentRules) -> Decimal:
    """A resting order's price on a tick, never worse than asked: down for a buy, up for a sell."""
    asked = from_float(price)
    if side is Side.BUY:
        return floor_to(asked, rules.tick_size)
    return ceil_to(asked, rules.tick_size)
