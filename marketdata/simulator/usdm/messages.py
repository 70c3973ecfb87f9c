"""Public stream frames of the USD-M futures as JSON text: E is when it was sent, T when it was matched."""

from collections.abc import Iterable, Mapping

from marketdata.simulator.market import Best, Level, PublicTrade
from marketdata.simulator.numbers import fmt
from marketdata.simulator.public_messages import levels_text


def trade(symbol: str, record: PublicTrade) -> str:
    return (
        f'{{"e":"trade","E":{record.time_ms},"T":{record.time_ms},"s":"{symbol}","t":{record.id},'
        f'"p":"{fmt(record.price)}","q":"{fmt(record.quantity)}","X":"MARKET","m":{_bool(record.buyer_is_maker)}}}'
    )


def aggregate_trade(symbol: str, record: PublicTrade) -> str:
    return (
        f'{{"e":"aggTrade","E":{record.time_ms},"a":{record.id},"s":"{symbol}","p":"{fmt(record.price)}",'
        f'"q":"{fmt(record.quantity)}","f":{record.id},"l":{record.id},"T":{record.time_ms},'
        f'"m":{_bool(record.buyer_is_maker)}}}'
    )


def book_ticker(symbol: str, time_ms: int, update_id: int, best: Best) -> str:
    return (
        f'{{"e":"bookTicker","u":{update_id},"s":"{symbol}","b":"{fmt(best.bid)}","B":"{fmt(best.bid_size)}",'
        f'"a":"{fmt(best.ask)}","A":"{fmt(best.ask_size)}","T":{time_ms},"E":{time_ms}}}'
    )


def depth_update(
    symbol: str, time_ms: int, first_id: int, last_id: int, bids: Iterable[Level], asks: Iterable[Level]
) -> str:
    """`pu` is the last id of the frame before."""
    return (
        f'{{"e":"depthUpdate","E":{time_ms},"T":{time_ms},"s":"{symbol}","U":{first_id},"u":{last_id},'
        f'"pu":{first_id - 1},"b":{levels_text(bids)},"a":{levels_text(asks)}}}'
    )


def mark_price(row: Mapping[str, object]) -> str:
    """From the answer of GET premiumIndex."""
    return (
        f'{{"e":"markPriceUpdate","E":{row["time"]},"s":"{row["symbol"]}","p":"{row["markPrice"]}",'
        f'"i":"{row["indexPrice"]}","P":"{row["estimatedSettlePrice"]}","r":"{row["lastFundingRate"]}",'
        f'"T":{row["nextFundingTime"]}}}'
    )


def forced_order(symbol: str, record: PublicTrade) -> str:
    """A liquidation that was filled by this trade: a long's sells to the maker's bid."""
    side = "SELL" if record.buyer_is_maker else "BUY"
    price, size = fmt(record.price), fmt(record.quantity)
    return (
        f'{{"e":"forceOrder","E":{record.time_ms},"o":{{"s":"{symbol}","S":"{side}","o":"LIMIT","f":"IOC",'
        f'"q":"{size}","p":"{price}","ap":"{price}","X":"FILLED","l":"{size}","z":"{size}","T":{record.time_ms}}}}}'
    )


def ticker(day: Mapping[str, object]) -> dict[str, object]:
    """The 24hrTicker event from the REST answer."""
    names = {
        "s": "symbol", "p": "priceChange", "P": "priceChangePercent", "w": "weightedAvgPrice", "c": "lastPrice",
        "Q": "lastQty", "o": "openPrice", "h": "highPrice", "l": "lowPrice", "v": "volume", "q": "quoteVolume",
        "O": "openTime", "C": "closeTime", "F": "firstId", "L": "lastId", "n": "count",
    }  # fmt: skip
    return {"e": "24hrTicker", "E": day["closeTime"], **{short: day[name] for short, name in names.items()}}


def _bool(value: bool) -> str:
    return "true" if value else "false"
