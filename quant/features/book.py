"""Figures of an order book. Sizes in base, prices in quote."""

from collections.abc import Sequence

from marketdata.events import Level


def imbalance(bids: Sequence[Level], asks: Sequence[Level], *, levels: int = 5) -> float | None:
    """(bid size - ask size) / (bid size + ask size) over the top levels, in [-1, 1]; None without any size."""
    bid_size = sum(size for _, size in bids[:levels])
    ask_size = sum(size for _, size in asks[:levels])
    total = bid_size + ask_size
    return (bid_size - ask_size) / total if total > 0 else None


def weighted_mid(bid: float, bid_size: float, ask: float, ask_size: float) -> float | None:
    """Mid weighted by the opposite side's size: pulled towards the thinner side. None without any size."""
    total = bid_size + ask_size
    return (ask * bid_size + bid * ask_size) / total if total > 0 else None


def order_flow(
    previous: tuple[float, float, float, float],
    current: tuple[float, float, float, float],
) -> float:
    """What one change of the best quotes adds to demand, in base; quotes are (bid, bid size, ask, ask size).

    Source: Cont, Kukanov & Stoikov (2014), "The price impact of order book events", eq. 2.
    """
    bid0, bid_size0, ask0, ask_size0 = previous
    bid1, bid_size1, ask1, ask_size1 = current
    flow = 0.0
    if bid1 >= bid0:
        flow += bid_size1
    if bid1 <= bid0:
        flow -= bid_size0
    if ask1 <= ask0:
        flow -= ask_size1
    if ask1 >= ask0:
        flow += ask_size0
    return flow
