"""What one of KuCoin's futures contracts is in base units."""

from marketdata.events import Level
from marketdata.exchanges.adapter import Listing

# Unified symbol, and the contract's size as numerator and denominator: x 1 / 1000 leaves no dust as x 0.001 does.
# A plain tuple, as it is unpacked for every frame.
Contract = tuple[str, float, float]


def contract_of(listing: Listing) -> Contract:
    numerator, denominator = listing.contract_size.as_integer_ratio()
    return listing.symbol, float(numerator), float(denominator)


def base_size(contract: Contract, contracts: float) -> float:
    _, numerator, denominator = contract
    return contracts * numerator / denominator


def base_levels(contract: Contract, levels: tuple[Level, ...]) -> tuple[Level, ...]:
    _, numerator, denominator = contract
    return tuple([(price, contracts * numerator / denominator) for price, contracts in levels])
