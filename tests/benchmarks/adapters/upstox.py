"""What a frame of Upstox's feed costs: full mode, one instrument, five levels a side."""

from operator import attrgetter

from marketdata.exchanges.upstox.messages import UpstoxParser
from marketdata.schemas.upstox_feed_v3_pb2 import FeedResponse
from marketdata.simulator.upstox_frames import feed_frame
from marketdata.simulator.upstox_market import SPECS, UpstoxMarket
from tests.benchmarks.rows import Row, best_seconds

FRAMES = 2_000
START_MS = 1_767_600_000_000
KEY = SPECS[0].key

_decode = FeedResponse.FromString
_head = attrgetter("type", "currentTs")
_market = attrgetter("ltpc", "marketLevel.bidAskQuote", "vtt", "oi")
_ltpc = attrgetter("ltp", "ltt", "ltq", "cp")
_bid, _ask = attrgetter("bidP", "bidQ"), attrgetter("askP", "askQ")


def run() -> dict[str, Row]:
    """The floor makes Python's values of the fields that the events need, and nothing else.

    `FromString` alone makes none: it leaves the message in C, where each field read costs as much as a call.
    """
    market = UpstoxMarket(SPECS[0], seed=1, slots=720)
    frames = [feed_frame([market], START_MS + number * 250) for number in range(FRAMES)]
    to_us = 1e6 / FRAMES

    def ours() -> None:
        parse = UpstoxParser(exchange="upstox", symbols={KEY: "NIFTY/INR"}).parse
        for frame in frames:
            parse(frame, ts_init=1)

    def fields() -> None:
        for frame in frames:
            response = _decode(frame)
            _head(response)
            ltpc, levels, _, _ = _market(response.feeds[KEY].fullFeed.marketFF)
            _ltpc(ltpc)
            quotes = list(levels)
            tuple(map(_bid, quotes)), tuple(map(_ask, quotes))

    def undecoded() -> None:
        for frame in frames:
            _decode(frame)

    value = best_seconds(ours) * to_us
    return {
        "feed.upstox.frame_to_event": Row(
            value=value, unit="us", floor=best_seconds(fields) * to_us, budget=2, budget_is_ratio=True
        ),
        "feed.upstox.frame_to_event_beside_bare_parse": Row(
            value=value, unit="us", floor=best_seconds(undecoded) * to_us, budget=15
        ),
    }
