"""A followed symbol's price, as commands print it."""

from dataclasses import dataclass

from marketdata.feed.followed import Followed
from marketdata.feed.table import tick_age_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """The symbol a moment ago; `last` is None before the first tick."""

    state: str
    source: str
    last: float | None
    bid: float | None
    ask: float | None
    age_s: float | None
    messages: int


def price_of(item: Followed, now_ns: int) -> Price:
    stream = item.stream
    return Price(
        state=stream.state,
        source=stream.source,
        last=stream.last_price,
        bid=stream.quote.bid if stream.quote is not None else None,
        ask=stream.quote.ask if stream.quote is not None else None,
        age_s=tick_age_s(item, now_ns),
        messages=item.messages,
    )
