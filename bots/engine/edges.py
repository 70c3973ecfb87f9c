"""What evidence knows of each blend, and the edge of a position by it."""

import asyncio
from collections.abc import Mapping

import structlog
from asgiref.sync import sync_to_async
from django.db import DatabaseError, InterfaceError, connection

from bots.engine.desk import Desk
from bots.orders.load import BotConfig
from bots.trading.vocabulary import OrderType
from quant.edge import Costs, Edge, Evidence, edge_of
from quant.evidence.edges import Key, edge_for, known_edges
from quant.reading import Component
from quant.vector import SignalVector

log = structlog.get_logger(__name__)

REFRESH_S = 60.0


class Edges:
    """Follows the evidence in the database: it is computed anew every hour."""

    def __init__(self, desk: Desk, *, refresh_s: float = REFRESH_S) -> None:
        self._desk = desk
        self._refresh_s = refresh_s

    async def run(self) -> None:
        """Until cancelled. What was known stays while the database is away."""
        while True:
            try:
                self._desk.edges = await _aload()
            except (DatabaseError, InterfaceError) as error:
                log.warning("engine.edges.unavailable", error=str(error)[:300])
            await asyncio.sleep(self._refresh_s)


def bot_edge(known: Mapping[Key, Evidence], config: BotConfig, vector: SignalVector, forecast: float) -> Edge | None:
    """The edge of following a forecast in [-20, 20] over the decision horizon; None without a forecast or a spread.

    The size that is meant is the bot's largest position: an order's own comes only after the validators.
    """
    if vector.spread_bps is None or vector.mid is None or not -20.0 <= forecast <= 20.0:
        return None
    quantity = float(config.limits.maximum_position_value) / vector.mid
    slope_bps = vector.reading(Component.MICROSTRUCTURE).parts.get("impact_bps")
    costs = Costs(
        fees_bps=round_trip_bps(config),
        half_spread_bps=0.5 * vector.spread_bps,
        # A slope below 0 is noise: nobody is paid for taking.
        impact_bps=max(0.0, slope_bps or 0.0) * quantity,
    )
    evidence = edge_for(known, exchange=vector.exchange, symbol=vector.symbol, bot_id=config.bot_id)
    return edge_of(evidence, forecast=forecast, sigma_per_sqrt_s=vector.sigma_per_sqrt_s, costs=costs)


def round_trip_bps(config: BotConfig) -> float:
    """Fees of getting in and out: exits are always market orders."""
    account = config.account
    entry = account.maker_fee_bps if config.order_type is OrderType.LIMIT else account.taker_fee_bps
    return float(entry + account.taker_fee_bps)


def _load() -> Mapping[Key, Evidence]:
    try:
        return known_edges()
    finally:
        # Used once in a while: a kept connection would be found dead after the database was away.
        connection.close()


_aload = sync_to_async(_load, thread_sensitive=False)
