"""What a venue lists, by its spelling and by ours, and what changed in it."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace

from marketdata.exchanges.adapter import Listing

_RULES = ("tick_size", "lot_size", "min_quantity", "max_quantity", "min_notional", "contract_size")

_GONE = "Entries wait. If it stays so, choose another symbol in the bot's settings."


class Rules:
    """`symbols` (the venue's spelling to ours) and `listings` (by our spelling) are shared with parsers and grow."""

    def __init__(self, *, note: Callable[[str, str, str], None]) -> None:
        self.symbols: dict[str, str] = {}
        self.listings: dict[str, Listing] = {}
        # Ask the venue again soon.
        self.is_outdated = False
        self._note = note

    def learn(self, listings: Iterable[Listing], *, followed: Collection[str]) -> None:
        """Take what the venue lists now. What changed for a followed symbol, or that it is gone, is told."""
        self.is_outdated = False
        now = list(listings)
        gone = self.listings.keys() & set(followed) - {listing.symbol for listing in now} if now else ()
        for listing in (*now, *(replace(self.listings[symbol], active=False) for symbol in sorted(gone))):
            before = self.listings.get(listing.symbol)
            self.symbols[listing.venue_symbol] = listing.symbol
            self.listings[listing.symbol] = listing
            if before is not None and before != listing and listing.symbol in followed:
                self._tell(before, listing)

    def doubt(self, symbol: str) -> None:
        """The venue says that it does not know a symbol: ask again what it lists, unless it is known to be gone."""
        listing = self.listings.get(symbol)
        if listing is not None and listing.active:
            self.is_outdated = True

    def _tell(self, before: Listing, now: Listing) -> None:
        changes = [
            f"{name.replace('_', ' ')} {getattr(before, name):f} is now {getattr(now, name):f}"
            for name in _RULES
            if getattr(before, name) != getattr(now, name)
        ]
        if before.active != now.active:
            changes.append("it trades again" if now.active else "the venue has halted or delisted it")
        if changes:
            todo = "Nothing to do: orders use the new rules." if now.active else _GONE
            self._note("rules_changed", f"{now.symbol}: {'; '.join(changes)}. {todo}", now.symbol)
