"""Which assets a headline is about: their names in any spelling, their codes in capitals, whole words only."""

import re
from collections.abc import Iterable
from functools import lru_cache

NAMES: dict[str, tuple[str, ...]] = {
    "BTC": ("bitcoin", "bitcoins", "xbt"),
    "ETH": ("ethereum", "ether"),
    "SOL": ("solana",),
    "BNB": ("binance coin", "bnb chain"),
    "XRP": ("ripple",),
    "ADA": ("cardano",),
    "DOGE": ("dogecoin",),
    "AVAX": ("avalanche",),
    "TRX": ("tron",),
    "DOT": ("polkadot",),
    "LINK": ("chainlink",),
    "POL": ("polygon", "matic"),
    "LTC": ("litecoin",),
    "BCH": ("bitcoin cash",),
    "TON": ("toncoin",),
    "SHIB": ("shiba inu",),
    "PEPE": ("pepecoin",),
    "UNI": ("uniswap",),
    "ATOM": ("cosmos hub",),
    "XLM": ("stellar lumens",),
    "XMR": ("monero",),
    "ETC": ("ethereum classic",),
    "NEAR": ("near protocol",),
    "APT": ("aptos",),
    "ARB": ("arbitrum",),
    "FIL": ("filecoin",),
    "AAVE": ("aave",),
    "SUI": ("sui network",),
    "HBAR": ("hedera",),
    "ICP": ("internet computer",),
    "INJ": ("injective",),
    "OP": ("optimism",),
    "TAO": ("bittensor",),
    "HYPE": ("hyperliquid",),
}
# Codes that are words, too, count only with a dollar sign before them.
_WORDS = frozenset(
    [
        "LINK",
        "DOT",
        "NEAR",
        "OP",
        "SUI",
        "APT",
        "ONE",
        "GAS",
        "SAND",
        "ARB",
        "ATOM",
        "ICP",
        "FUN",
        "MASK",
        "GAME",
        "MAGIC",
        "HYPE",
        "TON",
        "UNI",
        "POL",
        "COMP",
        "HOT",
        "KEY",
        "FLOW",
        "AI",
        "PEOPLE",
        "TRUMP",
        "JUP",
        "CAKE",
        "HIGH",
        "ACT",
        "ID",
        "OM",
        "S",
        "W",
        "T",
        "IO",
        "TRUST",
        "OPEN",
        "BEAT",
        "SIGN",
        "PUMP",
        "FORM",
        "HOME",
        "ME",
    ]
)
# Names within longer ones: of these only the longer counts.
_LONGER = {"bitcoin": ("bitcoin cash",), "ethereum": ("ethereum classic",)}


def assets_in(title: str, assets: Iterable[str]) -> list[str]:
    """The codes of the assets that the title speaks of: those named above, and `assets`."""
    return [code for code in sorted({*NAMES, *assets}) if _pattern(code).search(title)]


@lru_cache(maxsize=4_096)
def _pattern(code: str) -> re.Pattern[str]:
    names = [_name(name) for name in NAMES.get(code, ())]
    spelled = [rf"\${re.escape(code)}\b"] + ([] if code in _WORDS else [rf"\b{re.escape(code)}\b"])
    return re.compile("|".join([*spelled, *(rf"(?i:{name})" for name in names)]))


def _name(name: str) -> str:
    longer = [re.escape(text.removeprefix(name)) for text in _LONGER.get(name, ())]
    return rf"\b{re.escape(name)}\b" + "".join(f"(?!{text})" for text in longer)
