# mypy: ignore-errors
from collections.abc import Iterable as _Iterable
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar

from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper

DESCRIPTOR: _descriptor.FileDescriptor

class Type(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    initial_feed: _ClassVar[Type]
    live_feed: _ClassVar[Type]
    market_info: _ClassVar[Type]

class RequestMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ltpc: _ClassVar[RequestMode]
    full_d5: _ClassVar[RequestMode]
    option_greeks: _ClassVar[RequestMode]
    full_d30: _ClassVar[RequestMode]

class MarketStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PRE_OPEN_START: _ClassVar[MarketStatus]
    PRE_OPEN_END: _ClassVar[MarketStatus]
    NORMAL_OPEN: _ClassVar[MarketStatus]
    NORMAL_CLOSE: _ClassVar[MarketStatus]
    CLOSING_START: _ClassVar[MarketStatus]
    CLOSING_END: _ClassVar[MarketStatus]

initial_feed: Type
live_feed: Type
market_info: Type
ltpc: RequestMode
full_d5: RequestMode
option_greeks: RequestMode
full_d30: RequestMode
PRE_OPEN_START: MarketStatus
PRE_OPEN_END: MarketStatus
NORMAL_OPEN: MarketStatus
NORMAL_CLOSE: MarketStatus
CLOSING_START: MarketStatus
CLOSING_END: MarketStatus

class LTPC(_message.Message):
    __slots__ = ("cp", "ltp", "ltq", "ltt")
    LTP_FIELD_NUMBER: _ClassVar[int]
    LTT_FIELD_NUMBER: _ClassVar[int]
    LTQ_FIELD_NUMBER: _ClassVar[int]
    CP_FIELD_NUMBER: _ClassVar[int]
    ltp: float
    ltt: int
    ltq: int
    cp: float
    def __init__(
        self, ltp: float | None = ..., ltt: int | None = ..., ltq: int | None = ..., cp: float | None = ...
    ) -> None: ...

class MarketLevel(_message.Message):
    __slots__ = ("bidAskQuote",)
    BIDASKQUOTE_FIELD_NUMBER: _ClassVar[int]
    bidAskQuote: _containers.RepeatedCompositeFieldContainer[Quote]
    def __init__(self, bidAskQuote: _Iterable[Quote | _Mapping] | None = ...) -> None: ...

class MarketOHLC(_message.Message):
    __slots__ = ("ohlc",)
    OHLC_FIELD_NUMBER: _ClassVar[int]
    ohlc: _containers.RepeatedCompositeFieldContainer[OHLC]
    def __init__(self, ohlc: _Iterable[OHLC | _Mapping] | None = ...) -> None: ...

class Quote(_message.Message):
    __slots__ = ("askP", "askQ", "bidP", "bidQ")
    BIDQ_FIELD_NUMBER: _ClassVar[int]
    BIDP_FIELD_NUMBER: _ClassVar[int]
    ASKQ_FIELD_NUMBER: _ClassVar[int]
    ASKP_FIELD_NUMBER: _ClassVar[int]
    bidQ: int
    bidP: float
    askQ: int
    askP: float
    def __init__(
        self, bidQ: int | None = ..., bidP: float | None = ..., askQ: int | None = ..., askP: float | None = ...
    ) -> None: ...

class OptionGreeks(_message.Message):
    __slots__ = ("delta", "gamma", "rho", "theta", "vega")
    DELTA_FIELD_NUMBER: _ClassVar[int]
    THETA_FIELD_NUMBER: _ClassVar[int]
    GAMMA_FIELD_NUMBER: _ClassVar[int]
    VEGA_FIELD_NUMBER: _ClassVar[int]
    RHO_FIELD_NUMBER: _ClassVar[int]
    delta: float
    theta: float
    gamma: float
    vega: float
    rho: float
    def __init__(
        self,
        delta: float | None = ...,
        theta: float | None = ...,
        gamma: float | None = ...,
        vega: float | None = ...,
        rho: float | None = ...,
    ) -> None: ...

class OHLC(_message.Message):
    __slots__ = ("close", "high", "interval", "low", "open", "ts", "vol")
    INTERVAL_FIELD_NUMBER: _ClassVar[int]
    OPEN_FIELD_NUMBER: _ClassVar[int]
    HIGH_FIELD_NUMBER: _ClassVar[int]
    LOW_FIELD_NUMBER: _ClassVar[int]
    CLOSE_FIELD_NUMBER: _ClassVar[int]
    VOL_FIELD_NUMBER: _ClassVar[int]
    TS_FIELD_NUMBER: _ClassVar[int]
    interval: str
    open: float
    high: float
    low: float
    close: float
    vol: int
    ts: int
    def __init__(
        self,
        interval: str | None = ...,
        open: float | None = ...,
        high: float | None = ...,
        low: float | None = ...,
        close: float | None = ...,
        vol: int | None = ...,
        ts: int | None = ...,
    ) -> None: ...

class MarketFullFeed(_message.Message):
    __slots__ = ("atp", "iv", "ltpc", "marketLevel", "marketOHLC", "oi", "optionGreeks", "tbq", "tsq", "vtt")
    LTPC_FIELD_NUMBER: _ClassVar[int]
    MARKETLEVEL_FIELD_NUMBER: _ClassVar[int]
    OPTIONGREEKS_FIELD_NUMBER: _ClassVar[int]
    MARKETOHLC_FIELD_NUMBER: _ClassVar[int]
    ATP_FIELD_NUMBER: _ClassVar[int]
    VTT_FIELD_NUMBER: _ClassVar[int]
    OI_FIELD_NUMBER: _ClassVar[int]
    IV_FIELD_NUMBER: _ClassVar[int]
    TBQ_FIELD_NUMBER: _ClassVar[int]
    TSQ_FIELD_NUMBER: _ClassVar[int]
    ltpc: LTPC
    marketLevel: MarketLevel
    optionGreeks: OptionGreeks
    marketOHLC: MarketOHLC
    atp: float
    vtt: int
    oi: float
    iv: float
    tbq: float
    tsq: float
    def __init__(
        self,
        ltpc: LTPC | _Mapping | None = ...,
        marketLevel: MarketLevel | _Mapping | None = ...,
        optionGreeks: OptionGreeks | _Mapping | None = ...,
        marketOHLC: MarketOHLC | _Mapping | None = ...,
        atp: float | None = ...,
        vtt: int | None = ...,
        oi: float | None = ...,
        iv: float | None = ...,
        tbq: float | None = ...,
        tsq: float | None = ...,
    ) -> None: ...

class IndexFullFeed(_message.Message):
    __slots__ = ("ltpc", "marketOHLC")
    LTPC_FIELD_NUMBER: _ClassVar[int]
    MARKETOHLC_FIELD_NUMBER: _ClassVar[int]
    ltpc: LTPC
    marketOHLC: MarketOHLC
    def __init__(self, ltpc: LTPC | _Mapping | None = ..., marketOHLC: MarketOHLC | _Mapping | None = ...) -> None: ...

class FullFeed(_message.Message):
    __slots__ = ("indexFF", "marketFF")
    MARKETFF_FIELD_NUMBER: _ClassVar[int]
    INDEXFF_FIELD_NUMBER: _ClassVar[int]
    marketFF: MarketFullFeed
    indexFF: IndexFullFeed
    def __init__(
        self, marketFF: MarketFullFeed | _Mapping | None = ..., indexFF: IndexFullFeed | _Mapping | None = ...
    ) -> None: ...

class FirstLevelWithGreeks(_message.Message):
    __slots__ = ("firstDepth", "iv", "ltpc", "oi", "optionGreeks", "vtt")
    LTPC_FIELD_NUMBER: _ClassVar[int]
    FIRSTDEPTH_FIELD_NUMBER: _ClassVar[int]
    OPTIONGREEKS_FIELD_NUMBER: _ClassVar[int]
    VTT_FIELD_NUMBER: _ClassVar[int]
    OI_FIELD_NUMBER: _ClassVar[int]
    IV_FIELD_NUMBER: _ClassVar[int]
    ltpc: LTPC
    firstDepth: Quote
    optionGreeks: OptionGreeks
    vtt: int
    oi: float
    iv: float
    def __init__(
        self,
        ltpc: LTPC | _Mapping | None = ...,
        firstDepth: Quote | _Mapping | None = ...,
        optionGreeks: OptionGreeks | _Mapping | None = ...,
        vtt: int | None = ...,
        oi: float | None = ...,
        iv: float | None = ...,
    ) -> None: ...

class Feed(_message.Message):
    __slots__ = ("firstLevelWithGreeks", "fullFeed", "ltpc", "requestMode")
    LTPC_FIELD_NUMBER: _ClassVar[int]
    FULLFEED_FIELD_NUMBER: _ClassVar[int]
    FIRSTLEVELWITHGREEKS_FIELD_NUMBER: _ClassVar[int]
    REQUESTMODE_FIELD_NUMBER: _ClassVar[int]
    ltpc: LTPC
    fullFeed: FullFeed
    firstLevelWithGreeks: FirstLevelWithGreeks
    requestMode: RequestMode
    def __init__(
        self,
        ltpc: LTPC | _Mapping | None = ...,
        fullFeed: FullFeed | _Mapping | None = ...,
        firstLevelWithGreeks: FirstLevelWithGreeks | _Mapping | None = ...,
        requestMode: RequestMode | str | None = ...,
    ) -> None: ...

class MarketInfo(_message.Message):
    __slots__ = ("segmentStatus",)
    class SegmentStatusEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: MarketStatus
        def __init__(self, key: str | None = ..., value: MarketStatus | str | None = ...) -> None: ...

    SEGMENTSTATUS_FIELD_NUMBER: _ClassVar[int]
    segmentStatus: _containers.ScalarMap[str, MarketStatus]
    def __init__(self, segmentStatus: _Mapping[str, MarketStatus] | None = ...) -> None: ...

class FeedResponse(_message.Message):
    __slots__ = ("currentTs", "feeds", "marketInfo", "type")
    class FeedsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: Feed
        def __init__(self, key: str | None = ..., value: Feed | _Mapping | None = ...) -> None: ...

    TYPE_FIELD_NUMBER: _ClassVar[int]
    FEEDS_FIELD_NUMBER: _ClassVar[int]
    CURRENTTS_FIELD_NUMBER: _ClassVar[int]
    MARKETINFO_FIELD_NUMBER: _ClassVar[int]
    type: Type
    feeds: _containers.MessageMap[str, Feed]
    currentTs: int
    marketInfo: MarketInfo
    def __init__(
        self,
        type: Type | str | None = ...,
        feeds: _Mapping[str, Feed] | None = ...,
        currentTs: int | None = ...,
        marketInfo: MarketInfo | _Mapping | None = ...,
    ) -> None: ...
