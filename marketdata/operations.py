"""What may be done to market data: follow and unfollow symbols, refresh what a venue lists."""

from datetime import datetime

import httpx
from asgiref.sync import async_to_sync

from marketdata.exchanges.adapter import Listing
from marketdata.feed.config import FeedConfig, load_config
from marketdata.feed.rows import write_listings
from marketdata.models import Exchange, Subscription

_TIMEOUT_S = 15.0


def follow(*, exchange: str, symbol: str, follower: str) -> bool:
    """Have a symbol streamed for `follower` ("bot:7"). The running feed subscribes within two seconds.

    False when the follower has it already. Raises Exchange.DoesNotExist.
    """
    venue = Exchange.objects.get(code=exchange)
    _, created = Subscription.objects.get_or_create(exchange=venue, symbol=symbol, follower=follower)
    return created


def unfollow(*, follower: str, exchange: str = "", symbol: str = "") -> int:
    """End one wish of a follower, or all at a venue, or all. Gives how many ended."""
    rows = Subscription.objects.filter(follower=follower)
    if exchange:
        rows = rows.filter(exchange__code=exchange)
    if symbol:
        rows = rows.filter(symbol=symbol)
    return rows.delete()[0]


def sync_instruments(*, exchange: str, now: datetime) -> int:
    """Fetch what a venue lists and store it. Gives how many instruments it lists.

    Raises FeedConfigError for an unknown exchange, and VenueError.
    """
    config = load_config(exchange)
    listings = async_to_sync(_listings)(config, now)
    write_listings(config.exchange_id, listings, now)
    return len(listings)


async def _listings(config: FeedConfig, now: datetime) -> list[Listing]:
    async with httpx.AsyncClient(timeout=_TIMEOUT_S) as client:
        rest = config.adapter.rest(
            exchange=config.exchange,
            base_url=config.endpoints.rest_url,
            client=client,
            clock_ns=lambda: int(now.timestamp() * 1e9),
        )
        return await rest.listings()
