"""The venue: markets, matching engine, ledger, subscriptions, limits and faults, put together."""

import json
import os
import secrets
import sqlite3
from collections.abc import Mapping
from pathlib import Path

import structlog

from marketdata.simulator import list_messages, private_messages
from marketdata.simulator.booking import Changes
from marketdata.simulator.errors import VenueError
from marketdata.simulator.faults import Faults
from marketdata.simulator.fees import Fees
from marketdata.simulator.hub import Hub
from marketdata.simulator.intervention import Intervention
from marketdata.simulator.key_scope import KeyScope
from marketdata.simulator.ledger import Ledger
from marketdata.simulator.market import Market
from marketdata.simulator.matching import Engine
from marketdata.simulator.numbers import UNIT, parse
from marketdata.simulator.order_view import OrderView
from marketdata.simulator.orders import Account, Order
from marketdata.simulator.public_side import Clock, PublicSide
from marketdata.simulator.receipts import Receipts

log = structlog.get_logger()

DEMO_ACCOUNT = "demo"
DEMO_QUOTE = 100_000 * UNIT
# Enough of each base asset to sell for about this much.
DEMO_BASE_VALUE = 10_000


class Venue(PublicSide):
    """The spot markets, and everything else that the endpoints work on."""

    def __init__(
        self,
        *,
        markets: Mapping[str, Market],
        ledger: Ledger,
        clock: Clock,
        faults: Faults,
        hub: Hub,
        fees: Fees,
        weight_per_minute: int,
    ) -> None:
        super().__init__(markets=markets, clock=clock, faults=faults, hub=hub, weight_per_minute=weight_per_minute)
        self.ledger = ledger
        self.fees = fees
        self.receipts = Receipts(ledger.database)
        self.key_scope = KeyScope(faults)
        self.view: OrderView[Order] = OrderView(faults)
        accounts = ledger.accounts()
        for account in accounts.values():
            for order in list(account.open_orders.values()):
                if order.symbol not in markets:
                    # The symbol is not traded in this run; its orders stay in the ledger and come back with it.
                    del account.open_orders[order.id]
        self.engine = Engine(
            markets=markets,
            accounts=accounts,
            fees=fees,
            next_order_id=ledger.next_id("orders"),
            next_fill_id=ledger.next_id("fill"),
            commit=self._commit,
            rules=self.rules,
            open_lists=ledger.lists.open(),
            next_list_id=ledger.lists.next_id(),
        )
        self.hand = Intervention(self.engine, ledger, faults)
        self._by_key = {account.key: account for account in accounts.values()}

    def account_of(self, key: str | None) -> Account:
        """Raises -2014 for a malformed key, -2015 for an unknown one."""
        if not key or len(key) != 64:
            raise VenueError(-2014, "API-key format invalid.", status=401)
        account = self._by_key.get(key)
        if account is None:
            raise VenueError(-2015, "Invalid API-key, IP, or permissions for action.", status=401)
        return account

    def open_account(self, name: str, balances: Mapping[str, str]) -> Account:
        """Create an account with balances. Raises ValueError when the name is taken or an amount is malformed."""
        amounts = {asset.upper(): parse(amount) for asset, amount in balances.items()}
        account = self.ledger.create_account(name or secrets.token_hex(4))
        self.engine.accounts[account.id] = account
        self._by_key[account.key] = account
        for asset, amount in amounts.items():
            self.engine.deposit(account, asset, amount)
        return account

    def demo_account(self) -> Account:
        """The account everybody may use; created with its balances the first time."""
        for account in self.engine.accounts.values():
            if account.name == DEMO_ACCOUNT:
                return account
        balances = {}
        for market in self.markets.values():
            spec = market.spec
            amount = max(1, round(DEMO_BASE_VALUE / spec.price * 100)) * UNIT // 100
            balances[spec.base] = f"{amount / UNIT:.8f}"
            balances[spec.quote] = f"{DEMO_QUOTE // UNIT}"
        return self.open_account(DEMO_ACCOUNT, balances)

    def write_key_file(self, account: Account) -> Path:
        """Store the account's key beside the ledger, readable by the owner only."""
        path = self.ledger.folder / f"{account.name}-account.json"
        descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump({"key": account.key, "secret": account.secret}, file)
        return path

    def _commit(self, changes: Changes) -> None:
        try:
            self.ledger.commit(changes)
        except sqlite3.Error as error:
            # Memory is ahead of the ledger now. Die as if killed: the next start goes on from what was committed.
            log.critical("ledger.write_failed", folder=str(self.ledger.folder), error=str(error))
            os._exit(1)
        self.view.note(changes.orders.values())
        touched: dict[int, tuple[Account, set[str]]] = {}
        for (account_id, asset), account in changes.balances.items():
            touched.setdefault(account_id, (account, set()))[1].add(asset)
        for report in changes.reports:
            self.hub.publish_private(report.account.id, private_messages.execution_report(report))
        now_ms = self.clock.now_ms()
        for one in changes.lists.values():
            self.hub.publish_private(one.account_id, list_messages.status_event(one, now_ms))
        for account_id, (account, assets) in touched.items():
            self.hub.publish_private(account_id, private_messages.account_position(account, assets, now_ms))
