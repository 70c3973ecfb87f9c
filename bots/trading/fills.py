"""What a fill does to the account: exact amounts of each asset, and the journal legs that prove it."""

from decimal import Decimal

from msgspec import Struct

from bots.trading.money import ZERO, multiply, quantise
from bots.trading.records import InstrumentRules, VenueFill
from bots.trading.vocabulary import Side


class JournalEntryLeg(Struct, frozen=True, kw_only=True):
    """One leg of a double entry: book is wallet, market, fees or equity."""

    book: str
    asset: str
    amount: Decimal
    kind: str


class FillEffect(Struct, frozen=True, kw_only=True):
    """A fill in amounts. `wallet` is what each asset changes by, fee included; `base` is its base part.

    `fee_value` is the fee in quote; zero where it was paid in a third asset. `fee_base` is the fee where paid in base.
    """

    notional: Decimal
    base: Decimal
    fee_base: Decimal
    fee_value: Decimal
    wallet: dict[str, Decimal]
    legs: tuple[JournalEntryLeg, ...]


def fill_effect(*, rules: InstrumentRules, side: Side, fill: VenueFill) -> FillEffect:
    """Book a fill. Raises ValueError for a price or quantity that is not positive."""
    if fill.price <= 0 or fill.quantity <= 0:
        raise ValueError(f"a fill of {fill.quantity} at {fill.price} is impossible (trade {fill.trade_id})")
    notional = multiply(fill.price, fill.quantity)
    fee = quantise(fill.fee)
    traded = {rules.base: side.sign * fill.quantity, rules.quote: -side.sign * notional}
    wallet = dict(traded)
    if fee:
        wallet[fill.fee_asset] = wallet.get(fill.fee_asset, ZERO) - fee
    fee_base = fee if fill.fee_asset == rules.base else ZERO
    if fill.fee_asset == rules.base:
        fee_value = multiply(fee, fill.price)
    else:
        fee_value = fee if fill.fee_asset == rules.quote else ZERO
    legs = [
        leg
        for asset, amount in traded.items()
        for leg in (
            JournalEntryLeg(book="wallet", asset=asset, amount=amount, kind="fill"),
            JournalEntryLeg(book="market", asset=asset, amount=-amount, kind="fill"),
        )
    ]
    legs += [
        JournalEntryLeg(book="wallet", asset=fill.fee_asset, amount=-fee, kind="fee"),
        JournalEntryLeg(book="fees", asset=fill.fee_asset, amount=fee, kind="fee"),
    ]
    return FillEffect(
        notional=notional,
        base=side.sign * fill.quantity - fee_base,
        fee_base=fee_base,
        fee_value=fee_value,
        wallet={asset: amount for asset, amount in wallet.items() if amount},
        legs=tuple(leg for leg in legs if leg.amount),
    )


def opening_legs(*, asset: str, amount: Decimal) -> tuple[JournalEntryLeg, ...]:
    """The entry that opens an account with cash; none for nothing."""
    if not amount:
        return ()
    return (
        JournalEntryLeg(book="wallet", asset=asset, amount=amount, kind="opening"),
        JournalEntryLeg(book="equity", asset=asset, amount=-amount, kind="opening"),
    )
