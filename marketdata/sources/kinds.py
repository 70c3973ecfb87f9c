"""The slow observations there are, by the names under which they are stored."""

from collections.abc import Mapping
from typing import get_args

from marketdata.events import (
    Funding,
    Headline,
    Liquidation,
    LongShort,
    OpenInterest,
    OptionsFlow,
    OptionsSummary,
    Premium,
    Sentiment,
    VolatilityIndex,
)

SlowEvent = (
    Funding
    | OpenInterest
    | LongShort
    | Premium
    | Liquidation
    | OptionsSummary
    | VolatilityIndex
    | OptionsFlow
    | Sentiment
    | Headline
)


def kind_of(event: SlowEvent | type[SlowEvent]) -> str:
    """The tag of an event or of its class."""
    return str(event.__struct_config__.tag)


OBSERVED: Mapping[str, type[SlowEvent]] = {kind_of(kind): kind for kind in get_args(SlowEvent)}
KINDS = tuple(OBSERVED)
