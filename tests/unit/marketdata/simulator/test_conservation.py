"""Nothing comes from nowhere: whatever customers, the operator and the faults do, every asset's sum is zero."""

import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from marketdata.simulator import list_endpoints, private_endpoints, replace_endpoints
from marketdata.simulator.errors import VenueError
from marketdata.simulator.fault_catalog import Fault
from marketdata.simulator.faults import Faults, Switch, activate
from marketdata.simulator.fees import Fees
from marketdata.simulator.hub import Hub
from marketdata.simulator.ledger import Ledger
from marketdata.simulator.numbers import UNIT, fmt
from marketdata.simulator.orders import Account
from marketdata.simulator.private_events import PrivateEvents
from marketdata.simulator.tampering import Tampering
from marketdata.simulator.venue import Venue
from tests.unit.marketdata.simulator.quiet_market import STEP, TICK, QuietMarket

MIDDLE = 100 * UNIT


class StoppedClock:
    def now_ms(self) -> int:
        return 1_000

    def signature_now_ms(self, timestamp_ms: int) -> int:
        return timestamp_ms


@contextmanager
def venue_in(folder: Path) -> Iterator[Venue]:
    faults = Faults(seed=1)
    ledger = Ledger(folder)
    market = QuietMarket(
        bids=[(MIDDLE - k * TICK, UNIT) for k in range(1, 20)], asks=[(MIDDLE + k * TICK, UNIT) for k in range(1, 20)]
    )
    try:
        yield Venue(
            markets={"BTCUSDT": market},
            ledger=ledger,
            clock=StoppedClock(),
            faults=faults,
            hub=Hub(Tampering(faults), PrivateEvents(faults)),
            fees=Fees(),
            weight_per_minute=10**9,
        )
    finally:
        ledger.close()


class Session:
    """What happens at the venue, one deed after another."""

    def __init__(self, venue: Venue) -> None:
        self.venue = venue
        self.accounts = [
            venue.open_account("alice", {"USDT": "900", "BTC": "8", "BNB": "0.01"}),
            venue.open_account("bob", {"USDT": "900", "BTC": "8"}),
        ]
        venue.ledger.choose_fee_asset(self.accounts[0], "BNB")

    def do(self, deed: str, who: int, side: str, ticks: int, size: int) -> None:
        account, price = self.accounts[who], fmt(MIDDLE + ticks * TICK)
        shape = {"symbol": "BTCUSDT", "side": side, "quantity": fmt(size * STEP * 1000)}
        with suppress(VenueError):
            match deed:
                case "limit":
                    self.place(account, **shape, type="LIMIT", timeInForce="GTC", price=price)
                case "market":
                    self.place(account, **shape, type="MARKET")
                case "iceberg":
                    shown = fmt(max(1, size // 3) * STEP * 1000)
                    self.place(account, **shape, type="LIMIT", timeInForce="GTC", price=price, icebergQty=shown)
                case "stop":
                    self.place(account, **shape, type="STOP_LOSS", stopPrice=price)
                case "trail":
                    self.place(account, **shape, type="STOP_LOSS", trailingDelta="10")
                case "oco":
                    list_endpoints.oco(
                        self.venue,
                        {**shape, "side": "SELL", "aboveType": "LIMIT_MAKER", "abovePrice": fmt(MIDDLE + 30 * TICK),
                         "belowType": "STOP_LOSS", "belowStopPrice": fmt(MIDDLE - 30 * TICK)},
                        account,
                    )  # fmt: skip
                case "oto":
                    list_endpoints.oto(
                        self.venue,
                        {"symbol": "BTCUSDT", "workingType": "LIMIT", "workingSide": side, "workingPrice": price,
                         "workingTimeInForce": "GTC", "workingQuantity": shape["quantity"], "pendingType": "MARKET",
                         "pendingSide": "SELL" if side == "BUY" else "BUY", "pendingQuantity": shape["quantity"]},
                        account,
                    )  # fmt: skip
                case "cancel" | "replace" | "fill" | "amend":
                    self.change(deed, account, shape, price, size)
                case "trade":
                    self.venue.engine.public_trade(
                        "BTCUSDT", price=MIDDLE + ticks * TICK, quantity=size * STEP * 1000,
                        buyer_is_maker=side == "BUY", now_ms=2_000,
                    )  # fmt: skip
                case "bust":
                    _, fills = self.venue.ledger.everything(account.id)
                    sound = [fill for fill in fills if not fill.busted]
                    if sound:
                        self.venue.hand.bust(sound[size % len(sound)], now_ms=3_000)
                case "deposit":
                    self.venue.engine.deposit(account, "USDT", ticks * UNIT)
                case "overfill" | "race_fill" | "swallow_cancel":
                    self.venue.faults.switch_on(activate(Switch(name=Fault(deed)), now_s=0.0))

    def place(self, account: Account, **params: str) -> None:
        private_endpoints.place(self.venue, params, account)

    def change(self, deed: str, account: Account, shape: dict[str, str], price: str, size: int) -> None:
        orders = list(account.open_orders.values())
        if not orders:
            return
        order = orders[size % len(orders)]
        named = {"symbol": "BTCUSDT", "orderId": str(order.id)}
        match deed:
            case "cancel":
                private_endpoints.cancel(self.venue, named, account)
            case "amend":
                replace_endpoints.amend(self.venue, {**named, "newQty": shape["quantity"]}, account)
            case "replace":
                wish = {"cancelReplaceMode": "ALLOW_FAILURE", "cancelOrderId": str(order.id)}
                limit = {"type": "LIMIT", "timeInForce": "GTC", "price": price}
                replace_endpoints.cancel_replace(self.venue, {**shape, **limit, **wish}, account)
            case "fill":
                if order.status.value != "PENDING_NEW" and order.quantity:
                    self.venue.hand.fill(order, quantity=size * STEP * 1000, price=order.price or MIDDLE, now_ms=4_000)

    def check(self) -> None:
        stored = self.venue.ledger.accounts()
        totals: Counter[str] = Counter()
        for account in self.accounts:
            kept = stored[account.id]
            assert kept.balances == {asset: kept.balance(asset) for asset in account.balances}
            assert kept.balances == account.balances
            for asset, balance in kept.balances.items():
                totals[asset] += balance.free + balance.locked
                assert min(balance.free, balance.locked) >= 0
            locked = sum(balance.locked for balance in kept.balances.values())
            assert locked == sum(order.locked for order in account.open_orders.values())
            orders, fills = self.venue.ledger.everything(account.id)
            filled: Counter[int] = Counter()
            for fill in fills:
                filled[fill.order_id] += 0 if fill.busted else fill.quantity
            assert {order.id: order.executed for order in orders} == {order.id: filled[order.id] for order in orders}
        for amounts in self.venue.ledger.others().values():
            totals.update(amounts)
        assert set(totals.values()) <= {0}


DEEDS = st.tuples(
    st.sampled_from(
        ("limit", "market", "iceberg", "stop", "trail", "oco", "oto", "cancel", "replace", "amend", "fill", "trade", "bust",
         "deposit", "overfill", "race_fill", "swallow_cancel")
    ),
    st.integers(0, 1),
    st.sampled_from(("BUY", "SELL")),
    st.integers(-40, 40),
    st.integers(1, 400),
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(DEEDS, min_size=5, max_size=60))
def test_every_sum_is_zero_and_every_lock_is_an_orders(deeds: list[tuple[str, int, str, int, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder, venue_in(Path(folder)) as venue:
        session = Session(venue)
        for deed in deeds:
            session.do(*deed)
            session.check()
