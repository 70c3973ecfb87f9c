"""What people are told of an account at a venue, and what is restricted because of it."""

from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from bots.engine import messages
from bots.engine.books import BotBooks
from bots.orders.connections import Pool
from bots.orders.load import AccountConfig
from bots.orders.venue.books import pause_account
from bots.orders.venue.following import Followed
from bots.orders.venue.reconcile import Reconciled
from bots.trading.limits import Controls
from bots.trading.vocabulary import OrderState

log = structlog.get_logger(__name__)


class VenueNotices:
    """Speaks for one account. Each thing is said once."""

    def __init__(
        self,
        account: AccountConfig,
        pool: Pool,
        *,
        bots: dict[int, BotBooks],
        say: Callable[[int, str, dict[str, Any]], None],
        halt: Callable[[BotBooks, str], Awaitable[None]],
        pause_on_external: bool = True,
    ) -> None:
        self._account = account
        self._pool = pool
        self._bots = bots
        self._say = say
        self._halt = halt
        self._pause_on_external = pause_on_external
        self._told: set[str] = set()

    def unclear(self, followed: Followed, age_s: int) -> None:
        """An order whose fate is not known for a minute, or whose trades are missing."""
        key = f"unclear:{followed.client_order_id}:{followed.state}"
        if key in self._told:
            return
        self._told.add(key)
        plan = followed.order.plan
        name = f"{plan.side} {plan.quantity.normalize():f} {plan.rules.symbol}"
        if followed.state is OrderState.UNKNOWN:
            lacks = f" Still missing: {'; '.join(followed.lacks)}." if followed.lacks else ""
            text = (
                f"What became of the order {name} is not known for {age_s} s. It holds back its full size, and nothing is "
                f"entered in {plan.rules.symbol} on this account until it is settled.{lacks}"
            )
            code = "order_unknown"
        else:
            text = f"The venue says that the order {name} has ended, but does not tell its trades for {age_s} s."
            code = "trades_missing"
        self._alert("error", code, text, bot_id=plan.bot_id)

    def clock(self, error_ms: float, controls: Controls) -> None:
        """This machine's clock against the venue's: said once, until it is right again."""
        if abs(error_ms) <= controls.clock_alert_ms:
            self._told = {key for key in self._told if not key.startswith("clock:")}
            return
        level = "error" if abs(error_ms) > controls.clock_deny_ms else "warning"
        if f"clock:{level}" in self._told:
            return
        self._told.add(f"clock:{level}")
        text = (
            f"This machine's clock and the venue's are {abs(error_ms):.0f} ms apart; above "
            f"{controls.clock_deny_ms:.0f} ms nothing is entered. Set it by NTP."
        )
        self._alert(level, "clock", text)

    async def lives_after_its_end(self, followed: Followed) -> None:
        """The venue shows an order alive that had ended in the books: it is cancelled, and its bot halted."""
        key = f"alive:{followed.client_order_id}"
        if key in self._told:
            return
        self._told.add(key)
        text = (
            f"order {followed.client_order_id} lives at the venue though it had ended here as {followed.state}: "
            "it is being cancelled, and what was filled is booked"
        )
        bot = self._bots.get(followed.order.plan.bot_id)
        if bot is not None:
            await self._halt(bot, text)
        else:
            self._alert("error", "order_alive", text, bot_id=followed.order.plan.bot_id)

    async def reconciled(self, found: Reconciled) -> None:
        """What a pass over the account found that a person should know."""
        for asset, amount in found.transfers.items():
            way = "came to" if amount > 0 else "left"
            text = f"{abs(amount).normalize():f} {asset} {way} the account by no trade: booked as a transfer."
            self._alert("warning" if amount < 0 else "info", "transfer", text)
        if found.foreign_orders or found.foreign_trades:
            await self._external(found)
        if found.problem:
            self._once("error", "venue_differs", found.problem)
        else:
            self._told = {key for key in self._told if not key.startswith("venue_differs")}

    async def _external(self, found: Reconciled) -> None:
        orders = ", ".join(
            f"{order.side} {order.quantity.normalize():f} {order.symbol}" for order in found.foreign_orders
        )
        trades = ", ".join(
            f"{trade.side} {trade.fill.quantity.normalize():f} {trade.symbol}" for trade in found.foreign_trades
        )
        told = "; ".join(part for part in (orders and f"orders: {orders}", trades and f"trades: {trades}") if part)
        text = f"Somebody else trades on the account: {told}."
        self._alert("warning", "external", text)
        if self._pause_on_external and await pause_account(self._pool, self._account.account_id, text):
            log.warning("[RISK MANAGER] account paused", account=self._account.account_id, reason=text)

    def _once(self, level: str, code: str, text: str) -> None:
        key = f"{code}:{text}"
        if key not in self._told:
            self._told.add(key)
            self._alert(level, code, text)

    def _alert(self, level: str, code: str, text: str, *, bot_id: int | None = None) -> None:
        log.warning("[RISK MANAGER] alert", account=self._account.account_id, code=code, text=text)
        self._say(self._account.owner_id, "alert", messages.alert(level, code, text, bot_id=bot_id))
