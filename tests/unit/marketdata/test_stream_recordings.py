"""Everything that was recorded, through the checks: real markets give no cause for doubt."""

import random
import re
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from msgspec.structs import replace

from marketdata.clock import venue_clock
from marketdata.events import QuoteTick, TradeTick
from marketdata.exchanges.adapter import Acknowledgement, MalformedFrame, VenueEvent
from marketdata.exchanges.catalog import get_adapter
from marketdata.replay import read_capture
from marketdata.stream import SymbolStream
from tests.unit.marketdata.captures import read_cryptofeed_capture
from tests.unit.marketdata.cast import CAPTURES, SYMBOLS, needs_captures
from tests.unit.marketdata.exchanges.coinbase_frames import LEGACY_SYMBOLS, legacy_frames
from tests.unit.marketdata.exchanges.kraken_frames import V1_SYMBOLS, v1_books_as_v2
from tests.unit.marketdata.exchanges.kucoin_frames import FUTURES_LISTINGS, FUTURES_SYMBOLS

SECOND = 1_000_000_000
DOUBTS = ("held.", "rejected.unconfirmed", "book.contradicted")
Read = Callable[[], Iterator[VenueEvent]]


def hftbacktest(name: str, file: str, symbol: str) -> Read:
    def read() -> Iterator[VenueEvent]:
        parser = get_adapter(name).parser(exchange=name, symbols={"BTCUSDT": symbol}, listings={})
        for frame in read_capture(CAPTURES / file):
            if b'"lastUpdateId"' in frame.payload[:40]:
                yield parser.parse_image(frame.payload, symbol=symbol, ts_init=frame.ts_init)
            else:
                yield from parser.parse(frame.payload, ts_init=frame.ts_init)

    return read


def cryptofeed(name: str, files: str, symbols: dict[str, str]) -> Read:
    """Images by REST come first: the books wait for them."""

    def read() -> Iterator[VenueEvent]:
        parser = get_adapter(name).parser(exchange=name, symbols=symbols, listings={})
        for frame in read_cryptofeed_capture(CAPTURES / f"{files}.http.gz"):
            venue_symbol = frame.url.partition("symbol=")[2].partition("&")[0]
            if venue_symbol and ("depth" in frame.url or "level2" in frame.url):
                yield parser.parse_image(frame.payload, symbol=symbols[venue_symbol], ts_init=frame.ts_init)
        for frame in read_cryptofeed_capture(CAPTURES / f"{files}.ws.gz"):
            yield from parser.parse(frame.payload, ts_init=frame.ts_init)

    return read


def made_today(name: str, symbols: dict[str, str], frames: Callable[[], Iterator[bytes]]) -> Read:
    def read() -> Iterator[VenueEvent]:
        parser = get_adapter(name).parser(exchange=name, symbols=symbols, listings={})
        for number, frame in enumerate(frames()):
            yield from parser.parse(frame, ts_init=number * SECOND // 100 + 1)

    return read


def lines(name: str, file: str, symbols: dict[str, str]) -> Read:
    def read() -> Iterator[VenueEvent]:
        parser = get_adapter(name).parser(exchange=name, symbols=symbols, listings=FUTURES_LISTINGS)
        for number, frame in enumerate((CAPTURES / file).read_bytes().splitlines(), start=1):
            yield from parser.parse(frame, ts_init=number * SECOND)

    return read


ALTS = {"NKNUSDT": "NKN/USDT", "BLZETH": "BLZ/ETH", "LRCBTC": "LRC/BTC", "RUNEEUR": "RUNE/EUR"}
KUCOIN_PAIRS = (
    "EQZ-BTC", "ANKR-BTC", "SNX-BTC", "FET-BTC", "BCHSV-USDT", "NRG-BTC", "CAPP-BTC", "DAPPT-BTC", "COV-BTC", "LTX-USDT",
)  # fmt: skip
RECORDINGS: dict[str, Read] = {
    "binance": hftbacktest("binance", "binance_spot_btcusdt_20240808.gz", SYMBOLS["BTCUSDT"]),
    "binance-usdm": hftbacktest("binance-usdm", "binance_usdm_btcusdt_20240808.gz", "BTC/USDT:USDT"),
    "binance-alts": cryptofeed("binance", "binance_spot_alts_20211012", ALTS),
    "kucoin": cryptofeed("kucoin", "kucoin_spot_20210425", {name: name.replace("-", "/") for name in KUCOIN_PAIRS}),
    "kraken-2021": made_today("kraken", V1_SYMBOLS, v1_books_as_v2),
    "kraken": lines("kraken", "kraken_v2.jsonl", {"BTC/USD": "BTC/USD"}),
    "coinbase-2021": made_today("coinbase", LEGACY_SYMBOLS, legacy_frames),
    "kucoin-futures": lines("kucoin-futures", "kucoinfutures.jsonl", FUTURES_SYMBOLS),
    "bingx": lines("bingx", "bingx_swap.jsonl", {"BTC-USDT": "BTC/USDT:USDT"}),
}


def streamed(name: str, read: Read) -> tuple[dict[str, SymbolStream], Counter[str]]:
    """What came of a recording, and the sum of all accounts."""
    adapter = get_adapter(name if name in ("binance-usdm", "kucoin-futures") else name.partition("-")[0])
    streams: dict[str, SymbolStream] = {}
    clock = venue_clock("stream")
    for event in read():
        symbol = getattr(event, "symbol", "")
        if not symbol or isinstance(event, Acknowledgement):
            continue
        stream = streams.get(symbol)
        if stream is None:
            stream = streams[symbol] = SymbolStream(
                exchange=name, symbol=symbol, clock=clock, quotes_from_book=adapter.quotes_from_book,
                quotes_prove_book=adapter.quotes_prove_book,
            )  # fmt: skip
            stream.connected(event.ts_init)
        stream.receive(event)
    total: Counter[str] = Counter()
    for stream in streams.values():
        total.update(stream.counts)
    return streams, total


@needs_captures
@pytest.mark.parametrize("name", RECORDINGS)
def test_a_recorded_market_gives_no_cause_for_doubt(name):
    streams, counts = streamed(name, RECORDINGS[name])
    assert streams
    assert sum(counts[kind] for kind in counts if kind.startswith("in.")) > 5
    assert {kind: count for kind, count in counts.items() if kind.startswith(DOUBTS)} == {}


def _wrong(price: float, share: float) -> float:
    return float(f"{price * (1 + share):.2f}")


@needs_captures
@pytest.mark.parametrize("share", [0.005, 0.02, 0.1])
@pytest.mark.parametrize("side", ["bid", "ask"])
def test_a_damaged_side_of_a_quote_goes_no_further(side, share):
    """Away from the other side, so that nothing crosses; one in a hundred."""
    stream = SymbolStream(exchange="binance", symbol="BTC/USDT", clock=venue_clock("stream"))
    wrong, told = 0, 0
    for number, event in enumerate(RECORDINGS["binance"]()):
        if number == 0:
            stream.connected(event.ts_init)
        if isinstance(event, QuoteTick) and number % 100 == 99 and stream.quote is not None:
            price = _wrong(getattr(event, side), share if side == "ask" else -share)
            out = stream.receive(replace(event, **{side: price}))
            wrong += 1
            told += any(isinstance(one, QuoteTick) and getattr(one, side) == price for one in out)
        else:
            stream.receive(event)
    assert wrong > 200
    assert told == 0
    assert stream.counts["rejected.unconfirmed"] == wrong
    assert stream.state == "live"


@needs_captures
@pytest.mark.parametrize("share", [-0.1, -0.02, -0.005, 0.005, 0.02, 0.1])
def test_a_damaged_print_goes_no_further(share):
    stream = SymbolStream(exchange="binance", symbol="BTC/USDT", clock=venue_clock("stream"))
    wrong: set[tuple[int, float]] = set()
    told: set[tuple[int, float]] = set()
    for number, event in enumerate(RECORDINGS["binance"]()):
        if number == 0:
            stream.connected(event.ts_init)
        if isinstance(event, TradeTick) and number % 100 == 99 and stream.quote is not None:
            event = replace(event, price=_wrong(event.price, share))
            wrong.add((event.trade_id, event.price))
        told.update((one.trade_id, one.price) for one in stream.receive(event) if isinstance(one, TradeTick))
    assert len(wrong) > 50
    assert not wrong & told
    # The last one may still wait for its refusal.
    assert len(wrong) - stream.counts["rejected.unconfirmed"] in (0, 1)
    assert stream.bars.needs_history


PRICE = re.compile(rb'"(?:b|a|p)":"([0-9.]+)"')


def one_digit_changed(frame: bytes, rng: random.Random) -> bytes:
    """Another digit somewhere in a price: valid JSON, and nothing numbers or sums it."""
    place = rng.choice(list(PRICE.finditer(frame)))
    at = rng.choice([at for at in range(place.start(1), place.end(1)) if frame[at] != ord(".")])
    digit = rng.choice([digit for digit in b"0123456789" if digit != frame[at]])
    return frame[:at] + bytes([digit]) + frame[at + 1 :]


def sides(event: object) -> tuple[tuple[type, int], tuple[float, float]] | None:
    """What a quote or a print says, by its number."""
    match event:
        case QuoteTick():
            return (QuoteTick, event.update_id), (event.bid, event.ask)
        case TradeTick():
            return (TradeTick, event.trade_id), (event.price, event.price)
    return None


@needs_captures
def test_a_changed_digit_of_any_price_moves_what_is_told_by_no_more_than_a_market_may():
    rng = random.Random(2024)
    right, parser = (get_adapter("binance").parser(exchange="b", symbols=SYMBOLS, listings={}) for _ in range(2))
    stream = SymbolStream(exchange="b", symbol="BTC/USDT", clock=venue_clock("stream"), quotes_prove_book=True)
    true: dict[tuple[type, int], tuple[float, float]] = {}
    changed = refused = 0
    errors: list[float] = []
    for number, frame in enumerate(read_capture(CAPTURES / "binance_spot_btcusdt_20240808.gz")):
        payload = frame.payload
        if b'"lastUpdateId"' in payload[:40]:
            continue
        if number < 10:
            stream.connected(frame.ts_init)
        true.update(filter(None, map(sides, right.parse(payload, ts_init=frame.ts_init))))
        if number > 1000 and number % 20 == 19 and PRICE.search(payload) is not None:
            payload = one_digit_changed(payload, rng)
            changed += 1
        try:
            events = parser.parse(payload, ts_init=frame.ts_init)
        except MalformedFrame:
            refused += 1
            continue
        for said in filter(None, map(sides, (out for event in events for out in stream.receive(event)))):
            errors += [abs(got / known - 1) for got, known in zip(said[1], true[said[0]], strict=True)]
    assert changed > 1500
    refused += sum(count for kind, count in stream.counts.items() if kind.startswith("rejected."))
    assert refused > changed / 5
    assert max(errors) < 0.0025
    # Most other digits are the zeros behind a tick.
    assert sum(error > 1e-5 for error in errors) < changed / 5
