from pathlib import Path

import pytest

from marketdata.simulator.fees import Fees
from marketdata.simulator.ledger import Ledger, LedgerInUseError
from marketdata.simulator.matching import Engine
from marketdata.simulator.numbers import UNIT
from marketdata.simulator.orders import NewOrder, OrderType, Side
from tests.unit.marketdata.simulator.quiet_market import QuietMarket


def opened(folder: Path) -> tuple[Ledger, Engine]:
    ledger = Ledger(folder)
    engine = Engine(
        markets={"BTCUSDT": QuietMarket(bids=[(99 * UNIT, UNIT)], asks=[(101 * UNIT, UNIT)])},
        accounts=ledger.accounts(),
        fees=Fees(),
        next_order_id=ledger.next_id("orders"),
        next_fill_id=ledger.next_id("fill"),
        commit=ledger.commit,
    )
    return ledger, engine


def buy(price: int, name: str) -> NewOrder:
    return NewOrder(
        symbol="BTCUSDT", side=Side.BUY, type=OrderType.LIMIT, price=price, quantity=UNIT, client_order_id=name
    )


def test_accounts_orders_and_fills_survive_a_restart(tmp_path: Path) -> None:
    ledger, engine = opened(tmp_path)
    alice = engine.accounts[1] = ledger.create_account("alice")
    engine.deposit(alice, "USDT", 1_000 * UNIT)
    resting, _ = engine.place(alice, buy(90 * UNIT, "rests"), now_ms=1)
    filled, fills = engine.place(alice, buy(101 * UNIT, "fills"), now_ms=2)
    ledger.close()

    ledger, engine = opened(tmp_path)
    again = engine.accounts[alice.id]
    assert again == alice
    assert again.open_orders == {resting.id: resting}
    assert ledger.order(alice.id, "BTCUSDT", order_id=filled.id, client_order_id=None) == filled
    assert ledger.order(alice.id, "BTCUSDT", order_id=None, client_order_id="fills") == filled
    assert ledger.fills(alice.id, "BTCUSDT") == fills
    cancelled = again.open_orders[resting.id]
    engine.cancel(cancelled, now_ms=3, cancel_id="c")
    third, _ = engine.place(again, buy(90 * UNIT, "rests"), now_ms=4)
    assert third.id == filled.id + 1
    history = ledger.orders(alice.id, "BTCUSDT", from_id=None, start_ms=None, end_ms=None, limit=2)
    assert [order.id for order in history] == [filled.id, third.id]
    ledger.close()


def test_a_folder_serves_one_process(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    with pytest.raises(LedgerInUseError, match="--ledger"):
        Ledger(tmp_path)
    ledger.close()
    Ledger(tmp_path).close()


def test_secrets_are_the_owners_only(tmp_path: Path) -> None:
    folder = tmp_path / "books"
    Ledger(folder).close()
    assert folder.stat().st_mode & 0o077 == 0
    assert (folder / "ledger.sqlite3").stat().st_mode & 0o077 == 0
