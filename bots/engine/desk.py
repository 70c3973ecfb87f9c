"""What all symbols of an engine share: the order path, the writers, the voice to browsers, and the state of the database."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Protocol

import msgspec
import psycopg
import structlog

from bots.engine import messages
from bots.engine.books import AccountBooks, BotBooks
from bots.engine.decision_log import DecisionLog
from bots.engine.signal_writer import SignalWriter
from bots.orders.store import OrderStore
from bots.trading.records import DecisionRecord, Restriction
from bots.trading.risk import strictest
from bots.trading.vocabulary import Ladder
from quant.edge import Evidence
from quant.evidence.edges import Key

if TYPE_CHECKING:
    from bots.engine.venues import Venues

log = structlog.get_logger(__name__)

BALANCES = "SELECT asset, total, reserved FROM bots_balance WHERE account_id = %(account_id)s"
FOREIGN = """
SELECT instrument_id, sum(quantity * coalesce(mark_price, entry_price)) AS value FROM bots_position
WHERE account_id = %(account_id)s AND closed_at IS NULL AND NOT bot_id = ANY(%(bot_ids)s)
GROUP BY instrument_id
"""


class Observer(Protocol):
    """Sees every evaluation and every decision, e.g. to compare two replays."""

    def evaluated(self, now_ns: int, bot: str, symbol: str, signal: float, confidence: float, code: int) -> None: ...

    def decided(self, decision: DecisionRecord, bot: str, quantity: Decimal | None) -> None: ...


def _silent(user_id: int, kind: str, data: dict[str, Any]) -> None:
    """Nobody listens."""


@dataclass(slots=True, kw_only=True)
class Desk:
    """`say` tells the browsers of a person.

    `database_error` says why the database cannot be used now: nothing is sent then. `edges` is what evidence knows of
    each blend. Without `venues` only paper accounts are served.
    """

    store: OrderStore
    decisions: DecisionLog
    signals: SignalWriter
    traditional_weight: float = 0.5
    quant_weight: float = 0.5
    say: Callable[[int, str, dict[str, Any]], None] = _silent
    observer: Observer | None = None
    edges: Mapping[Key, Evidence] = field(default_factory=dict)
    venues: "Venues | None" = None
    database_error: str = ""
    accounts: dict[int, AccountBooks] = field(default_factory=dict)
    bots: dict[int, BotBooks] = field(default_factory=dict)

    def database_failed(self, error: psycopg.Error, *, bot: BotBooks | None = None) -> None:
        """Fail closed: no sends until the database answers. What of `bot` was committed must be looked up again."""
        if bot is not None:
            bot.suspended = "what the database has of its last order is not known yet"
        if not self.database_error:
            text = str(error).strip().splitlines()
            self.database_error = text[0] if text else type(error).__name__
            log.error(
                "[RISK MANAGER] the database is away: no order is sent until it answers", error=self.database_error
            )

    def database_is_back(self) -> None:
        if self.database_error:
            log.warning("[RISK MANAGER] the database is back", was=self.database_error)
            self.database_error = ""

    def tell_state(self, bot: BotBooks, *, reason: str = "") -> None:
        self.say(bot.config.owner_id, "botState", messages.bot_state(bot.config, state=bot.config.state, reason=reason))

    def alert(self, bot: BotBooks, level: str, code: str, text: str) -> None:
        """Once a day for each bot and code."""
        if code in bot.alerted:
            return
        bot.alerted.add(code)
        log.warning("[RISK MANAGER] alert", bot=bot.config.name, code=code, text=text)
        self.say(bot.config.owner_id, "alert", messages.alert(level, code, text, bot_id=bot.bot_id))

    async def refresh_account(self, account: AccountBooks) -> None:
        """Read the account's cash, and what bots of other engines hold. Raises psycopg.Error."""
        values = {"account_id": account.config.account_id, "bot_ids": list(account.bots)}
        async with self.store.pool.connection() as connection, connection.pipeline():
            balances = await connection.execute(BALANCES, values)
            foreign = await connection.execute(FOREIGN, values)
        for row in await balances.fetchall():
            if row.asset == account.config.quote_asset:
                account.cash, account.reserved = row.total, row.reserved
        account.foreign = {row.instrument_id: row.value for row in await foreign.fetchall()}

    async def halt(self, bot: BotBooks, reason: str) -> None:
        """Put a bot into the state error: its entries stop, what it holds is still looked after."""
        log.error("[RISK MANAGER] bot halted", bot=bot.config.name, bot_id=bot.bot_id, reason=reason)
        self.note_halt(bot, reason)
        try:
            await self.store.halt_bot(bot.bot_id, reason)
        except psycopg.Error as error:
            bot.suspended = reason
            self.database_failed(error)

    def note_halt(self, bot: BotBooks, reason: str) -> None:
        """Follow a halt that the database knows already."""
        bot.config = msgspec.structs.replace(bot.config, state="error")
        self.tell_state(bot, reason=reason)
        self.say(bot.config.owner_id, "alert", messages.alert("error", "bot_halted", reason, bot_id=bot.bot_id))

    def note_restriction(self, bot: BotBooks, restriction: Restriction) -> None:
        """Follow a restriction or a halt that the gate engaged, of a bot or its whole account."""
        if restriction.halts:
            self.note_halt(bot, restriction.reason)
            return
        concerned = bot.account.bots.values() if restriction.scope == "account" else (bot,)
        for other in tuple(concerned):
            other.config = msgspec.structs.replace(
                other.config, restriction=strictest(other.config.restriction, restriction)
            )
            log.warning(
                "[RISK MANAGER] restricted", bot=other.config.name, scope=restriction.scope,
                ladder=restriction.ladder.value, reason=restriction.reason,
            )  # fmt: skip
            self.tell_state(other)
        code = f"ladder_{restriction.ladder.value}"
        self.alert(bot, "warning", code, f"{bot.config.name}: {restriction.reason}")

    async def restrict(self, bot: BotBooks, ladder: Ladder, reason: str) -> None:
        """Tighten a bot's ladder, and say so."""
        bot.restrict(ladder, reason)
        log.warning("[RISK MANAGER] bot restricted", bot=bot.config.name, ladder=ladder.value, reason=reason)
        try:
            await self.store.restrict_bot(bot.token, ladder, reason)
        except psycopg.Error as error:
            self.database_failed(error)
        self.tell_state(bot)
        self.alert(bot, "warning", f"ladder_{ladder.value}", reason)
