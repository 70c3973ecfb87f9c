"""The fields that KuCoin's spot and futures messages have alike, as types."""

from typing import Annotated, Literal

from msgspec import Meta

# What does not fit 64 bits, as nanoseconds where it is a time, could not be passed on.
SequenceNumber = Annotated[int, Meta(ge=0, le=2**63 - 1)]
TimeNs = Annotated[int, Meta(ge=0, le=2**63 - 1)]
TimeMs = Annotated[int, Meta(ge=0, le=9_000_000_000_000)]
TimeS = Annotated[int, Meta(ge=0, le=9_000_000_000)]

Side = Literal["buy", "sell"]

# open time in seconds, open, close, high, low, volume, turnover
CandleRow = tuple[TimeS, float, float, float, float, float, float]
