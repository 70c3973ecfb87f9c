"""Open positions as the monitor sees them: with their bot's ladders, and whether an engine looks after it."""

from types import SimpleNamespace
from typing import Any

from django.db import connection
from msgspec import Struct

from bots.monitor.markets import Market, Place
from bots.orders.rows import position_of, rules_of
from bots.orders.sql import POSITION_COLUMNS
from bots.trading.money import from_float
from bots.trading.positions import exit_reason_for
from bots.trading.records import InstrumentRules, PositionState
from bots.trading.vocabulary import ExitReason, Ladder, Side
from marketdata.models import StreamClock

# Whether a lease lives is for the database's clock to say, as everywhere.
OPEN_POSITIONS = f"""
SELECT {POSITION_COLUMNS}, b.owner_id, b.name AS bot_name, b.ladder AS bot_ladder, a.ladder AS account_ladder, a.mode,
       i.ladder AS installation_ladder, n.symbol, n.base, n.quote, n.tick_size, n.lot_size, n.min_quantity,
       n.max_quantity, n.min_notional, e.code AS exchange, e.clock,
       coalesce(l.expires_at > clock_timestamp(), false) AS is_led, coalesce(l.holder, '') AS holder
FROM bots_position p
JOIN bots_bot b ON b.id = p.bot_id
JOIN bots_account a ON a.id = b.account_id
JOIN marketdata_instrument n ON n.id = p.instrument_id
JOIN marketdata_exchange e ON e.id = n.exchange_id
LEFT JOIN bots_installation i ON true
LEFT JOIN bots_botlease l ON l.bot_id = p.bot_id
WHERE p.closed_at IS NULL
ORDER BY p.id
"""


class Watched(Struct, frozen=True, kw_only=True):
    """An open position. `is_led`: somebody holds a live lease on its bot; `is_paper`: its venue is in this database."""

    position: PositionState
    rules: InstrumentRules
    owner_id: int
    bot_name: str
    ladder: Ladder
    stream_clock: bool
    is_led: bool
    holder: str
    is_paper: bool = True

    @property
    def place(self) -> Place:
        return self.rules.exchange, self.rules.symbol


def open_positions() -> list[Watched]:
    """Every open position of the installation, in one query."""
    with connection.cursor() as cursor:
        cursor.execute(OPEN_POSITIONS)
        names = [column.name for column in cursor.description]
        return [_watched(SimpleNamespace(**dict(zip(names, row, strict=True)))) for row in cursor.fetchall()]


def _watched(row: Any) -> Watched:
    ladders = [Ladder(name) for name in (row.bot_ladder, row.account_ladder, row.installation_ladder) if name]
    return Watched(
        position=position_of(row),
        rules=rules_of(row),
        owner_id=row.owner_id,
        bot_name=row.bot_name,
        ladder=max(ladders, key=lambda ladder: ladder.rank),
        stream_clock=row.clock == StreamClock.STREAM,
        is_led=row.is_led,
        is_paper=row.mode == "paper",
        holder=row.holder,
    )


def close_price(position: PositionState, market: Market) -> float:
    """What the position could be closed at: the bid for a long, the ask for a short."""
    return market.quote.bid if position.side is Side.BUY else market.quote.ask


def exit_reason(position: PositionState, rules: InstrumentRules, ladder: Ladder, market: Market) -> ExitReason | None:
    """Why a position must be left now, if it must."""
    bid, ask = from_float(market.quote.bid), from_float(market.quote.ask)
    return exit_reason_for(position, rules, flatten=ladder is Ladder.FLATTEN, bid=bid, ask=ask)
