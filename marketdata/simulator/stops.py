"""When a waiting stop is reached: at its price, or that far behind the best price since it trails."""

from marketdata.simulator.orders import Order, Side

_BPS = 10_000


def reached(stop: Order, price: int) -> bool:
    """Whether a trade at this price triggers it. A trailing one moves its best price on the way."""
    if not stop.trailing_delta:
        return _passed(stop, price)
    if not stop.trail_price:
        # The stop price only says from where on it trails.
        if stop.stop_price and not _passed(stop, price):
            return False
        stop.trail_price = price
    if stop.side is Side.SELL:
        stop.trail_price = max(stop.trail_price, price)
        return price * _BPS <= stop.trail_price * (_BPS - stop.trailing_delta)
    stop.trail_price = min(stop.trail_price, price)
    return price * _BPS >= stop.trail_price * (_BPS + stop.trailing_delta)


def _passed(stop: Order, price: int) -> bool:
    return price >= stop.stop_price if stop.triggers_above else price <= stop.stop_price
