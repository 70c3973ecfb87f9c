"""What an execution costs, and in which asset: what is received, or a third one that the account chose."""

from collections.abc import Callable
from dataclasses import dataclass

from marketdata.simulator.numbers import UNIT
from marketdata.simulator.orders import Account
from marketdata.simulator.symbols import CATALOG, SymbolSpec

# Of the usual fee, when paid in the venue's own coin.
_DISCOUNT = {"BNB": (3, 4)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fees:
    """Basis points of the received amount."""

    maker_bps: int = 10
    taker_bps: int = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Commission:
    """An amount in units of 1e-8 of an asset."""

    asset: str
    amount: int


def commission(
    account: Account,
    spec: SymbolSpec,
    *,
    bps: int,
    asset: str,
    received: int,
    value: int,
    price: int,
    last_price: Callable[[str], int | None],
) -> Commission:
    """The fee of receiving `received` of `asset`, worth `value` of quote at `price` of base.

    It is taken from what is received when the account cannot pay it in the asset it chose.
    """
    usual = Commission(asset=asset, amount=received * bps // 10_000)
    chosen = account.fee_asset
    if not chosen or chosen == asset:
        return usual
    rate = UNIT if chosen == spec.quote else price if chosen == spec.base else _price(chosen, spec.quote, last_price)
    over, under = _DISCOUNT.get(chosen, (1, 1))
    amount = value * bps * over * UNIT // (10_000 * under * rate)
    return Commission(asset=chosen, amount=amount) if account.balance(chosen).free >= amount else usual


def _price(asset: str, quote: str, last_price: Callable[[str], int | None]) -> int:
    listed = last_price(asset + quote)
    if listed is None:
        known = CATALOG.get(f"{asset}/USDT")
        return round(known.price * UNIT) if known else UNIT
    return listed
