"""The terminal's table of a running feed: what it shows, and how."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from marketdata.feed.followed import Followed
from marketdata.feed.rates import Rates
from marketdata.feed.service import FeedService

# Below these widths columns give way, those that are missed least first.
_WIDE, _MIDDLE = 110, 92
_OLD_S = 5.0
_COLOURS = {
    "live": "green",
    "closed": "",
    "fallback": "yellow",
    "connecting": "yellow",
    "resyncing": "yellow",
    "standby": "",
}
# Words for a state in its column; the reason has a line of its own.
_UNKNOWN = "unknown_symbol"
_WORDS = {_UNKNOWN: "unknown"}
_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One symbol as it is now."""

    exchange: str
    symbol: str
    state: str
    source: str = ""
    reason: str = ""
    last: float | None = None
    age_s: float | None = None
    messages_per_s: float = 0.0
    lag_p50_ms: float | None = None
    lag_p95_ms: float | None = None
    gaps: int = 0
    reconnects: int = 0
    bots: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Venue:
    """One venue as it is now; `trouble` is why it does not let us in."""

    exchange: str
    environment: str
    is_standby: bool = False
    trouble: str = ""


def rows_of(
    services: Sequence[FeedService], *, rates: Rates, followers: Mapping[tuple[str, str], int] | None, now_s: float
) -> list[Row]:
    """`followers`: how many bots follow (exchange, symbol); None where that is not known. `now_s` is monotonic."""
    rows = []
    for service in services:
        feed, exchange = service.feed, service.config.exchange
        if feed is None or service.is_standby:
            continue
        now_ns = feed.now_ns()
        for item in feed.followed.values():
            rate = rates.observe((exchange, item.symbol), item.messages, now_s)
            rows.append(_row(exchange, item, rate=rate, now_ns=now_ns, followers=followers))
        rows += [
            Row(exchange=exchange, symbol=symbol, state=_UNKNOWN, reason=reason)
            for symbol, reason in feed.unknown.items()
        ]
    rates.forget({(row.exchange, row.symbol) for row in rows})
    return rows


def venues_of(services: Sequence[FeedService]) -> list[Venue]:
    return [
        Venue(
            exchange=service.config.exchange,
            environment=service.config.environment,
            is_standby=service.is_standby,
            trouble=service.feed.denied if service.feed is not None else "",
        )
        for service in services
    ]


def tick_age_s(item: Followed, now_ns: int) -> float | None:
    """Seconds since the newest quote or print, by the feed's clock."""
    stream = item.stream
    newest_ns = max((tick.ts_init for tick in (stream.quote, stream.trade) if tick is not None), default=0)
    return max(0.0, (now_ns - newest_ns) / 1e9) if newest_ns else None


def _row(
    exchange: str, item: Followed, *, rate: float, now_ns: int, followers: Mapping[tuple[str, str], int] | None
) -> Row:
    stream = item.stream
    return Row(
        exchange=exchange,
        symbol=item.symbol,
        state=stream.state,
        source=stream.source,
        reason=stream.reason,
        last=stream.last_price,
        age_s=tick_age_s(item, now_ns),
        messages_per_s=rate,
        lag_p50_ms=item.lag_ms(0.5),
        lag_p95_ms=item.lag_ms(0.95),
        gaps=stream.gaps,
        reconnects=item.reconnects,
        bots=followers.get((exchange, item.symbol), 0) if followers is not None else None,
    )


def header(version: str, venues: Sequence[Venue], *, symbols: int, pid: int, health: str) -> str:
    """The line above the table: `runfeed 0.3 · binance · live · 2 symbols · pid 4312 · health 127.0.0.1:9101`."""
    parts = [f"runfeed {version}"]
    if len(venues) == 1:
        parts += dict.fromkeys([venues[0].exchange, venues[0].environment])
        parts += ["standby"] if venues[0].is_standby else []
    else:
        parts += [f"{item.exchange} {item.environment}{' standby' if item.is_standby else ''}" for item in venues]
    parts += [f"{symbols} symbol{'' if symbols == 1 else 's'}", f"pid {pid}"]
    if health:
        parts.append(f"health {health.removeprefix('127.0.0.1')}")
    return " · ".join(parts)


def render(title: str, venues: Sequence[Venue], rows: Sequence[Row], *, width: int, height: int) -> RenderableType:
    """The whole picture, never more lines than the terminal has: what does not fit is counted."""
    several = len({venue.exchange for venue in venues}) > 1
    parts: list[RenderableType] = [Text(title, style="bold", overflow="ellipsis", no_wrap=True)]
    troubles = _troubles(venues, rows)
    room = max(3, height - 4 - min(len(troubles), 3))
    if rows:
        parts.append(_table(rows[:room], several=several, width=width))
        if len(rows) > room:
            parts.append(Text(f"and {len(rows) - room} more: make the window higher, or see /feeds/", style="dim"))
    else:
        parts.append(Text(_emptiness(venues), style="dim"))
    parts += [Text(line, style="yellow", overflow="ellipsis", no_wrap=True) for line in troubles[:3]]
    if len(troubles) > 3:
        parts.append(Text(f"and {len(troubles) - 3} more that are not live", style="yellow"))
    return Group(*parts)


def _emptiness(venues: Sequence[Venue]) -> str:
    if not venues:
        return "No exchange is enabled: enable or add one in the admin, and it is streamed within a second."
    if all(venue.is_standby for venue in venues):
        return "Another process leads. This one takes over when that one ends."
    return "Nothing is followed yet: start a bot, or name symbols with --symbols BTC/USDT."


def _troubles(venues: Iterable[Venue], rows: Iterable[Row]) -> list[str]:
    """In words, what is not as it should be. Of several unknown symbols the first, and how many: the table has all."""
    denied = [f"{venue.exchange} does not let us in: {venue.trouble}" for venue in venues if venue.trouble]
    poor = [row for row in rows if row.state not in ("live", "closed") and row.reason]
    unknown = [row.symbol for row in poor if row.state == _UNKNOWN]
    told = [
        f"{row.symbol} {_WORDS.get(row.state, row.state)}: {row.reason}"
        for row in poor
        if row.state != _UNKNOWN or len(unknown) == 1
    ]
    if len(unknown) > 1:
        told.append(f"not listed by the venue: {first_of(unknown)}")
    return denied + told


def first_of(symbols: Sequence[str]) -> str:
    """The first five, and how many there are besides."""
    more = f" and {len(symbols) - _NAMED} more" if len(symbols) > _NAMED else ""
    return f"{', '.join(symbols[:_NAMED])}{more}"


def _table(rows: Sequence[Row], *, several: bool, width: int) -> Table:
    wide, middle = width >= _WIDE, width >= _MIDDLE
    has_bots = any(row.bots is not None for row in rows)
    table = Table(box=None, pad_edge=False, padding=(0, 2 if middle else 1, 0, 0), header_style="dim")
    if several:
        table.add_column("EXCHANGE", no_wrap=True)
    table.add_column("SYMBOL", no_wrap=True)
    # As wide as they usually get, so that nothing moves when figures change.
    for name, least in (("LAST", 10), ("AGE", 5), ("MSG/S", 6)):
        table.add_column(name, justify="right", no_wrap=True, min_width=least)
    if wide:
        table.add_column("LAG p50", justify="right", no_wrap=True, min_width=8)
    table.add_column("p95" if wide else "LAG p95", justify="right", no_wrap=True, min_width=8)
    for name in ("GAPS", "RECONN"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("STATE", no_wrap=True, min_width=len("disconnected"))
    if middle:
        table.add_column("SOURCE", no_wrap=True, min_width=len("websocket"))
        if has_bots:
            table.add_column("BOTS", justify="right", no_wrap=True)
    for row in rows:
        cells = [escape(row.exchange)] if several else []
        cells += [escape(row.symbol), _price(row.last), _age(row), f"{row.messages_per_s:,.1f}"]
        cells += [_ms(row.lag_p50_ms)] if wide else []
        cells += [_ms(row.lag_p95_ms), f"{row.gaps:,}", f"{row.reconnects:,}", _state(row.state)]
        if middle:
            cells.append(escape(row.source))
            if has_bots:
                cells.append("" if row.bots is None else str(row.bots))
        table.add_row(*cells)
    return table


def _price(price: float | None) -> str:
    if price is None:
        return "-"
    if price >= 1_000:
        return f"{price:,.2f}"
    return f"{price:.8g}"


def _age(row: Row) -> str:
    if row.age_s is None:
        return "-"
    text = f"{row.age_s:.1f}s" if row.age_s < 100 else f"{row.age_s / 60:.0f}min"
    return f"[red]{text}[/]" if row.age_s > _OLD_S and row.state != "closed" else text


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f} ms"


def _state(state: str) -> str:
    colour, word = _COLOURS.get(state, "red"), escape(_WORDS.get(state, state))
    return f"[{colour}]{word}[/]" if colour else word
