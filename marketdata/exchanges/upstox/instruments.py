"""Upstox's file of instruments to listings.

Source: https://upstox.com/developer/api-documentation/instruments. Symbols are the exchange's own with INR as quote:
RELIANCE/INR, NIFTY/INR for the Nifty 50. What a symbol may not hold becomes an underscore: M&M is M_M/INR.
"""

import re
import zlib
from decimal import Decimal

import msgspec

from marketdata.exchanges.adapter import Listing
from marketdata.exchanges.upstox.payloads import InstrumentRow

INDEX = "index"

_FORBIDDEN = re.compile(r"[^A-Z0-9.\-]+")
# Of the 9,655 rows of NSE_EQ in 2026 the others are bonds, funds and small companies with rules of their own.
_EQUITY_SERIES = frozenset({"EQ", "BE"})
_GZIP_MAGIC = b"\x1f\x8b"
# The file has 40 MB unpacked; a bomb is not unpacked.
_MAX_BYTES = 256 * 1024 * 1024
# What the database holds.
_MAX_BASE = 20
_MAX_VENUE_SYMBOL = 40
_PAISE = Decimal(100)
_INDEX_TICK = Decimal("0.01")


class UnreadableInstruments(ValueError):
    """The file is not what Upstox documents."""


def read_listings(file: bytes) -> list[Listing]:
    """Equities and indices, each symbol once. Raises UnreadableInstruments."""
    try:
        rows = msgspec.json.decode(_unpack(file), type=list[InstrumentRow], strict=False)
    except (msgspec.DecodeError, UnicodeDecodeError, zlib.error) as error:
        raise UnreadableInstruments(str(error)) from None
    listings: dict[str, Listing] = {}
    # Where an index is called like a company the company keeps the name.
    for row in sorted(rows, key=lambda row: row.segment != "NSE_EQ"):
        is_equity = row.segment == "NSE_EQ" and row.instrument_type in _EQUITY_SERIES
        if not (is_equity and _is_tradable(row)) and row.segment != "NSE_INDEX":
            continue
        listing = _listing(row)
        if len(listing.base) <= _MAX_BASE and len(listing.venue_symbol) <= _MAX_VENUE_SYMBOL:
            listings.setdefault(listing.symbol, listing)
    return list(listings.values())


def _unpack(file: bytes) -> bytes:
    if not file.startswith(_GZIP_MAGIC):
        return file
    unpacker = zlib.decompressobj(wbits=31)
    data = unpacker.decompress(file, _MAX_BYTES)
    if unpacker.unconsumed_tail:
        raise UnreadableInstruments(f"more than {_MAX_BYTES} bytes of instruments")
    return data


def _is_tradable(row: InstrumentRow) -> bool:
    """An index has neither lot nor tick, but the simulated exchange's Nifty 50 has both."""
    return row.lot_size > 0 and row.tick_paise > 0


def _listing(row: InstrumentRow) -> Listing:
    base = _FORBIDDEN.sub("_", row.trading_symbol.upper())
    tradable = _is_tradable(row)
    return Listing(
        symbol=f"{base}/INR",
        venue_symbol=row.instrument_key,
        base=base,
        quote="INR",
        tick_size=row.tick_paise / _PAISE if tradable else _INDEX_TICK,
        lot_size=row.lot_size if tradable else Decimal(1),
        min_quantity=row.lot_size if tradable else Decimal(0),
        max_quantity=row.freeze_quantity if tradable else Decimal(0),
        min_notional=Decimal(0),
        active=True,
        kind="spot" if tradable else INDEX,
    )
