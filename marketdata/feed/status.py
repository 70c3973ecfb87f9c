"""FeedStatus rows from what the feed knows, and its account of everything at the end."""

import time
from typing import Any

from marketdata.bus import TickPublisher
from marketdata.feed.exchange_feed import ExchangeFeed
from marketdata.feed.followed import Followed
from marketdata.feed.rows import to_datetime
from marketdata.models import FeedStatus
from marketdata.storable import storable


def status_rows(feed: ExchangeFeed, *, elapsed_s: float) -> list[FeedStatus]:
    """Of all followed symbols, and of those that the venue does not list. `elapsed_s` since the last call."""
    now_ns = time.time_ns()
    exchange_id, failed_after = feed.config.exchange_id, feed.config.failed_after
    followed = [
        status_row(item, exchange_id=exchange_id, failed_after=failed_after, elapsed_s=elapsed_s, now_ns=now_ns)
        for item in feed.followed.values()
    ]
    unknown = [
        unknown_row(symbol, reason, has_list=bool(feed.listed), exchange_id=exchange_id, now_ns=now_ns)
        for symbol, reason in feed.unknown.items()
    ]
    return followed + unknown


def status_row(item: Followed, *, exchange_id: int, failed_after: int, elapsed_s: float, now_ns: int) -> FeedStatus:
    """The row of a followed symbol. Call once per interval: it starts the next one for messages a second."""
    stream = item.stream
    state, reason = stream.state, stream.reason
    # A feed that REST keeps alive is not failed, however often its socket did.
    failures = item.health.failures
    if state == "disconnected" and failures >= failed_after:
        state = FeedStatus.State.FAILED
        reason = f"{failures} failures in a row, still trying: {reason}"
    received = item.messages - item.messages_before
    item.messages_before = item.messages
    price = stream.last_price
    newest_ns = max((tick.ts_init for tick in (stream.quote, stream.trade) if tick is not None), default=0)
    return FeedStatus(
        exchange_id=exchange_id,
        symbol=item.symbol,
        state=state,
        source=stream.source,
        reason=storable(reason)[:300],
        last_price=price,
        last_tick_at=to_datetime(newest_ns) if newest_ns else None,
        messages_per_s=round(received / max(elapsed_s, 1e-3), 1),
        lag_p50_ms=item.lag_ms(0.5),
        lag_p95_ms=item.lag_ms(0.95),
        messages=item.messages,
        rejected=item.rejected,
        gaps=stream.gaps,
        reconnects=item.reconnects,
        updated_at=to_datetime(now_ns),
    )


def unknown_row(symbol: str, reason: str, *, has_list: bool, exchange_id: int, now_ns: int) -> FeedStatus:
    """The row of a symbol that the venue does not list, or may list: it has not said yet (`has_list`)."""
    return FeedStatus(
        exchange_id=exchange_id,
        symbol=symbol,
        state=FeedStatus.State.UNKNOWN_SYMBOL if has_list else FeedStatus.State.CONNECTING,
        reason=storable(reason)[:300],
        updated_at=to_datetime(now_ns),
    )


def final_account(feed: ExchangeFeed, publisher: TickPublisher | None) -> dict[str, Any]:
    """Where every frame and event went, as a JSON object. `frames` counts what belongs to no symbol."""
    return {
        "exchange": feed.config.exchange,
        "frames": dict(feed.counts),
        "symbols": {
            item.symbol: {
                "messages": item.messages,
                "gaps": item.stream.gaps,
                "reconnects": item.reconnects,
                "batches": publisher.sequence(item.symbol) if publisher is not None else 0,
                "counts": dict(item.stream.counts),
            }
            for item in feed.followed.values()
        },
        "published": publisher.published if publisher is not None else 0,
        "dropped": publisher.dropped if publisher is not None else 0,
    }
