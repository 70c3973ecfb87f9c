"""What was traded between two frames of Upstox's feed.

Several prints come as one, with the last one's price, time and size (`ltq`). So the size of a print here is what the
day's volume (`vtt`) grew by, and a day's prints add up to its volume. Who crossed the spread is not told: a price above
the middle of the quotes before it was a buyer's, one below it a seller's, otherwise the price's last change decides.
Source: Lee & Ready, Inferring Trade Direction from Intraday Data (1991).
"""

from msgspec import Struct

_MS_PER_DAY = 86_400_000
_IST_MS = 19_800_000
_DUST = 1e-9


class Seen(Struct, frozen=True, gc=False):
    """What the frames before said of an instrument."""

    price: float = 0.0
    time_ms: int = 0
    size: int = 0
    volume: int = 0
    trade_id: int = 0
    sold: bool = False
    bid: float = 0.0
    ask: float = 0.0
    open_interest: float = 0.0
    summary_s: int = -1


NOTHING = Seen()


def size_of_print(seen: Seen, price: float, time_ms: int, size: int, volume: int) -> float | None:
    """How much was traded since the frame before, or None when there was no print."""
    if volume == 0 == seen.volume:
        is_new = time_ms != seen.time_ms or price != seen.price or size != seen.size
        return float(size) if is_new and time_ms >= seen.time_ms else None
    if volume > seen.volume:
        return float(volume - seen.volume)
    begins_a_day = (time_ms + _IST_MS) // _MS_PER_DAY > (seen.time_ms + _IST_MS) // _MS_PER_DAY
    return float(volume) if volume < seen.volume and volume and begins_a_day else None


def is_sold(before: Seen, price: float) -> bool:
    """Whether a seller crossed the spread, judged by the quotes and the price before."""
    sum_of_quotes = before.bid + before.ask
    above = 2 * price - sum_of_quotes
    # The middle of two decimals is not exact in binary.
    if before.bid > 0.0 and before.ask > 0.0 and abs(above) > _DUST * sum_of_quotes:
        return above < 0.0
    return price < before.price if price != before.price else before.sold
