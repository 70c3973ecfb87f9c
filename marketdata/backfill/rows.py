"""What backfilling reads from and writes to the database. Plain functions, called in a thread."""

from collections.abc import Sequence

from marketdata.backfill.spans import Span
from marketdata.events import Bar, Timeframe
from marketdata.feed.rows import write_bars
from marketdata.history import to_bar
from marketdata.models import BarRow, Instrument


def listed_symbols(exchange_id: int) -> dict[str, tuple[int, str]]:
    """Unified symbol → (row id, the venue's spelling)."""
    rows = Instrument.objects.filter(exchange_id=exchange_id).values_list("symbol", "pk", "venue_symbol")
    return {symbol: (pk, venue_symbol) for symbol, pk, venue_symbol in rows}


def stored_opens(instrument_id: int, timeframe: Timeframe, span: Span) -> list[int]:
    rows = BarRow.objects.filter(
        instrument_id=instrument_id, timeframe=timeframe, ts_open__gte=span.start_ns, ts_open__lt=span.end_ns
    )
    return list(rows.order_by("ts_open").values_list("ts_open", flat=True))


def stored_bars(instrument_id: int, timeframe: Timeframe, span: Span, *, exchange: str, symbol: str) -> list[Bar]:
    rows = BarRow.objects.filter(
        instrument_id=instrument_id, timeframe=timeframe, ts_open__gte=span.start_ns, ts_open__lt=span.end_ns
    )
    return [to_bar(row, exchange=exchange, symbol=symbol) for row in rows.order_by("ts_open")]


def store_bars(instrument_id: int, bars: Sequence[Bar]) -> None:
    """All of them or none."""
    write_bars((instrument_id, bar) for bar in bars)
