"""Public stream frames as JSON text, written once for all subscribers."""

from collections.abc import Iterable, Mapping

from marketdata.simulator.market import Best, Level, PublicTrade
from marketdata.simulator.numbers import fmt


def trade(symbol: str, record: PublicTrade) -> str:
    return (
        f'{{"e":"trade","E":{record.time_ms},"s":"{symbol}","t":{record.id},"p":"{fmt(record.price)}",'
        f'"q":"{fmt(record.quantity)}","T":{record.time_ms},"m":{_bool(record.buyer_is_maker)},"M":true}}'
    )


def aggregate_trade(symbol: str, record: PublicTrade) -> str:
    return (
        f'{{"e":"aggTrade","E":{record.time_ms},"s":"{symbol}","a":{record.id},"p":"{fmt(record.price)}",'
        f'"q":"{fmt(record.quantity)}","f":{record.id},"l":{record.id},"T":{record.time_ms},'
        f'"m":{_bool(record.buyer_is_maker)},"M":true}}'
    )


def book_ticker(symbol: str, update_id: int, best: Best) -> str:
    return (
        f'{{"u":{update_id},"s":"{symbol}","b":"{fmt(best.bid)}","B":"{fmt(best.bid_size)}",'
        f'"a":"{fmt(best.ask)}","A":"{fmt(best.ask_size)}"}}'
    )


def depth_update(
    symbol: str, time_ms: int, first_id: int, last_id: int, bids: Iterable[Level], asks: Iterable[Level]
) -> str:
    return (
        f'{{"e":"depthUpdate","E":{time_ms},"s":"{symbol}","U":{first_id},"u":{last_id},'
        f'"b":{levels_text(bids)},"a":{levels_text(asks)}}}'
    )


def partial_depth(update_id: int, bids: Iterable[Level], asks: Iterable[Level]) -> str:
    return f'{{"lastUpdateId":{update_id},"bids":{levels_text(bids)},"asks":{levels_text(asks)}}}'


def kline(
    symbol: str, interval: str, bar: list[object], *, time_ms: int, first_id: int, last_id: int, closed: bool
) -> str:
    """`bar` as REST sends it."""
    opened, open_, high, low, close, volume, closes, value, count, bought, bought_value = bar[:11]
    return (
        f'{{"e":"kline","E":{time_ms},"s":"{symbol}","k":{{"t":{opened},"T":{closes},"s":"{symbol}",'
        f'"i":"{interval}","f":{first_id},"L":{last_id},"o":"{open_}","c":"{close}","h":"{high}","l":"{low}",'
        f'"v":"{volume}","n":{count},"x":{_bool(closed)},"q":"{value}","V":"{bought}","Q":"{bought_value}","B":"0"}}}}'
    )


def ticker(day: Mapping[str, object]) -> dict[str, object]:
    """The 24hrTicker event from the REST answer."""
    names = {
        "s": "symbol", "p": "priceChange", "P": "priceChangePercent", "w": "weightedAvgPrice", "x": "prevClosePrice",
        "c": "lastPrice", "Q": "lastQty", "b": "bidPrice", "B": "bidQty", "a": "askPrice", "A": "askQty",
        "o": "openPrice", "h": "highPrice", "l": "lowPrice", "v": "volume", "q": "quoteVolume", "O": "openTime",
        "C": "closeTime", "F": "firstId", "L": "lastId", "n": "count",
    }  # fmt: skip
    return {"e": "24hrTicker", "E": day["closeTime"], **{short: day[name] for short, name in names.items()}}


def mini_ticker(day: Mapping[str, object]) -> dict[str, object]:
    """The 24hrMiniTicker event from the REST answer."""
    names = {
        "s": "symbol", "c": "lastPrice", "o": "openPrice", "h": "highPrice", "l": "lowPrice", "v": "volume",
        "q": "quoteVolume",
    }  # fmt: skip
    return {"e": "24hrMiniTicker", "E": day["closeTime"], **{short: day[name] for short, name in names.items()}}


def levels_text(levels: Iterable[Level]) -> str:
    return "[" + ",".join(f'["{fmt(price)}","{fmt(size)}"]' for price, size in levels) + "]"


def _bool(value: bool) -> str:
    return "true" if value else "false"
