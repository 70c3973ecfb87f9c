"""What a venue's account says against ours: whose trades those are, and what a difference of balances is."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from uuid import UUID

from msgspec import Struct

from bots.brokers.venue import VenueBalance, VenueOrder, VenueTrade
from bots.trading.fills import JournalEntryLeg, fill_effect
from bots.trading.money import ZERO, quantise
from bots.trading.records import InstrumentRules
from bots.trading.vocabulary import OrderState, Side

# Venues round fees to their own decimals.
ROUNDING = Decimal("0.00000001")


class KnownOrder(Struct, frozen=True, kw_only=True):
    """An order of ours as far as telling whose a trade is needs it."""

    order_id: UUID
    bot_id: int
    symbol: str
    side: Side
    state: OrderState
    venue_order_id: str
    sign_ts_ms: int


class Attribution(Struct, frozen=True, kw_only=True):
    """Trades by whose they are. `unclear` may still turn out to be of an order without an answer."""

    ours: dict[UUID, list[VenueTrade]]
    others: list[VenueTrade]
    unclear: list[VenueTrade]


def client_uuid(client_order_id: str) -> UUID | None:
    """The order that a client order id names; None where it is not of our making."""
    try:
        return UUID(hex=client_order_id) if len(client_order_id) == 32 else None
    except ValueError:
        return None


def attribute(
    trades: Iterable[VenueTrade], orders: Iterable[KnownOrder], history: Iterable[VenueOrder] = ()
) -> Attribution:
    """Tell trades apart. `history` gives the client order ids that trades do not carry."""
    known = {order.order_id: order for order in orders}
    by_venue = {order.venue_order_id: order.order_id for order in known.values() if order.venue_order_id}
    clients = {order.venue_order_id: order.client_order_id for order in history}
    pending = [order for order in known.values() if order.state in (OrderState.SENDING, OrderState.UNKNOWN)]
    ours: dict[UUID, list[VenueTrade]] = {}
    others, unclear = [], []
    for trade in trades:
        named = client_uuid(trade.client_order_id or clients.get(trade.venue_order_id, ""))
        order_id = named if named in known else by_venue.get(trade.venue_order_id)
        if order_id is not None:
            ours.setdefault(order_id, []).append(trade)
        elif trade.venue_order_id not in clients and any(_may_be(trade, order) for order in pending):
            unclear.append(trade)
        else:
            others.append(trade)
    return Attribution(ours=ours, others=others, unclear=unclear)


def _may_be(trade: VenueTrade, order: KnownOrder) -> bool:
    is_after = trade.fill.ts_event // 1_000_000 >= order.sign_ts_ms - 1_000
    return (trade.symbol, trade.side) == (order.symbol, order.side) and is_after and not order.venue_order_id


def totals_of(balances: Iterable[VenueBalance]) -> dict[str, Decimal]:
    """What a venue holds, to the decimals that the books keep; assets with nothing are left out."""
    totals = {balance.asset: quantise(balance.total) for balance in balances}
    return {asset: total for asset, total in totals.items() if total}


def differences(ours: Mapping[str, Decimal], theirs: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """The venue's totals less ours, where they differ. A venue lists every asset it holds: what is not there is zero."""
    found = {asset: theirs.get(asset, ZERO) - ours.get(asset, ZERO) for asset in sorted({*ours, *theirs})}
    return {asset: amount for asset, amount in found.items() if amount}


class Standing(Struct, frozen=True, kw_only=True):
    """A difference of an asset, and since when it has been exactly this."""

    amount: Decimal
    since_ms: int


def follow_differences(
    before: Mapping[str, Standing], found: Mapping[str, Decimal], now_ms: int
) -> dict[str, Standing]:
    """Differences with their age; one whose amount changed begins anew."""
    return {
        asset: before[asset]
        if asset in before and before[asset].amount == amount
        else Standing(amount=amount, since_ms=now_ms)
        for asset, amount in found.items()
    }


def settled(
    standing: Mapping[str, Standing], now_ms: int, *, after_ms: int, disputed: Iterable[str]
) -> dict[str, Decimal]:
    """Differences old enough that no fill will explain them any more. `disputed` assets wait for orders without an end."""
    waiting = set(disputed)
    return {
        asset: found.amount
        for asset, found in standing.items()
        if asset not in waiting and now_ms - found.since_ms >= after_ms
    }


def transfer_kind(amount: Decimal) -> str:
    if abs(amount) <= ROUNDING:
        return "rounding"
    return "deposit" if amount > 0 else "withdrawal"


def transfer_legs(*, asset: str, amount: Decimal, kind: str) -> tuple[JournalEntryLeg, ...]:
    """An amount that came or went by no order of ours; none for nothing."""
    if not amount:
        return ()
    return (
        JournalEntryLeg(book="wallet", asset=asset, amount=amount, kind=kind),
        JournalEntryLeg(book="equity", asset=asset, amount=-amount, kind=kind),
    )


def external_legs(rules: InstrumentRules, trade: VenueTrade) -> tuple[JournalEntryLeg, ...]:
    """A trade that somebody else made with the account: its amounts, fee included, against equity."""
    effect = fill_effect(rules=rules, side=trade.side, fill=trade.fill)
    return tuple(
        leg
        for asset, amount in effect.wallet.items()
        for leg in transfer_legs(asset=asset, amount=amount, kind="external")
    )


def locked_beyond(locked: Decimal, orders: Iterable[VenueOrder], *, asset: str, need: Decimal) -> bool:
    """Whether a venue holds back clearly more of an asset than the open orders it shows: half of `need` more."""
    shown = ZERO
    for order in orders:
        base, _, quote = order.symbol.partition("/")
        left = order.quantity - order.filled
        if order.side is Side.SELL and base == asset:
            shown += left
        elif order.side is Side.BUY and quote.partition(":")[0] == asset:
            shown += left * (order.limit_price or ZERO)
    return need > 0 and locked - shown >= need / 2
