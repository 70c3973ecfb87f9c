"""What one of KuCoin's futures contracts is in base units."""

from collections.abc import Mapping
from decimal import Decimal

from marketdata.events import Level
from marketdata.exchanges.adapter import Listing


class ContractSize:
    """Turns numbers of contracts into base units, without the dust of multiplying by 0.001."""

    __slots__ = ("_denominator", "_numerator")

    def __init__(self, multiplier: Decimal) -> None:
        numerator, denominator = multiplier.as_integer_ratio()
        self._numerator, self._denominator = float(numerator), float(denominator)

    def base(self, contracts: float) -> float:
        return contracts * self._numerator / self._denominator

    def levels(self, levels: tuple[Level, ...]) -> tuple[Level, ...]:
        numerator, denominator = self._numerator, self._denominator
        return tuple([(price, contracts * numerator / denominator) for price, contracts in levels])


class Contracts:
    """Finds a venue symbol's unified symbol and contract size, and remembers them. Raises KeyError."""

    def __init__(self, symbols: Mapping[str, str], listings: Mapping[str, Listing]) -> None:
        self._symbols = symbols
        self._listings = listings
        self._known: dict[str, tuple[str, ContractSize]] = {}

    def __getitem__(self, venue_symbol: str) -> tuple[str, ContractSize]:
        found = self._known.get(venue_symbol)
        if found is None:
            symbol = self._symbols[venue_symbol]
            found = self._known[venue_symbol] = (symbol, ContractSize(self._listings[symbol].contract_size))
        return found
