import random

import msgspec
import pytest

from marketdata.ccxtpro.wire import (
    MAX_FRAME_BYTES,
    Answer,
    BrokenFrame,
    Call,
    Command,
    Denied,
    Down,
    Failed,
    FrameReader,
    GapSeen,
    Heartbeat,
    Image,
    Note,
    Reconnect,
    Refused,
    Report,
    Rewatch,
    Start,
    Unwatch,
    Up,
    Watch,
    decode_command,
    decode_reports,
    frame,
)
from marketdata.events import QuoteTick, Ticker, TradeTick

COMMANDS: list[Command] = [
    Start(exchange_id="okx", exchange="okx-live", credentials={"api_key": "k"}, options={"a": {"b": False}}),
    Watch(symbol="BTC/USDT"),
    Unwatch(symbol="BTC/USDT"),
    Rewatch(symbol="BTC/USDT"),
    Reconnect(),
    Call(id=7, method="bars", arguments={"symbol": "BTC/USDT", "start_ns": None}),
]
REPORTS: list[Report] = [
    Heartbeat(),
    Up(symbol="BTC/USDT"),
    Down(symbol="", reason="the network"),
    Image(
        exchange="okx", symbol="BTC/USDT", bids=((1.0, 2.0),), asks=((3.0, 4.0),), update_id=5, ts_event=6, ts_init=7
    ),
    GapSeen(symbol="BTC/USDT", reason="crossed", ts_init=8),
    Refused(symbol="X/Y", error="no such symbol"),
    Denied(message="the key is revoked"),
    Note(kind="maintenance", message="back at 12:00"),
    Answer(id=7, body=b"\x00\xff"),
    Failed(id=8, kind="rejected", message="no", retry_after_s=2.5),
    QuoteTick(
        exchange="okx", symbol="BTC/USDT", bid=1, bid_size=2, ask=3, ask_size=4, ts_event=5, ts_init=6, update_id=7
    ),
    TradeTick(
        exchange="okx", symbol="BTC/USDT", price=1, size=2, buyer_is_maker=True, trade_id=3, ts_event=4, ts_init=5
    ),
    Ticker(
        exchange="okx", symbol="BTC/USDT", last=1, change=0.1, high=2, low=1, volume=3, quote_volume=4, ts_event=5,
        ts_init=6,
    ),
]  # fmt: skip


def payloads(data: bytes) -> list[bytes]:
    return list(FrameReader().feed(data))


def test_commands_and_reports_survive_the_way() -> None:
    (commands,) = payloads(frame(COMMANDS))
    assert decode_command(commands) == COMMANDS
    (reports,) = payloads(frame(REPORTS))
    assert decode_reports(reports) == REPORTS


def test_frames_are_whole_however_the_pipe_cuts_them() -> None:
    data = b"".join(frame([report]) for report in REPORTS)
    for size in (1, 2, 3, 5, 7, 1000):
        reader, got = FrameReader(), []
        for start in range(0, len(data), size):
            got += [report for payload in reader.feed(data[start : start + size]) for report in decode_reports(payload)]
        assert got == REPORTS


def test_an_absurd_length_is_refused() -> None:
    with pytest.raises(BrokenFrame, match="limit"):
        payloads((MAX_FRAME_BYTES + 1).to_bytes(4, "big") + b"x")


def test_damaged_reports_end_in_reports_or_one_error() -> None:
    rng = random.Random(7)
    (payload,) = payloads(frame(REPORTS))
    decoded = 0
    for _ in range(10_000):
        damaged = bytearray(payload)
        for _ in range(rng.randint(1, 3)):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        end = rng.choice((len(damaged), rng.randrange(len(damaged))))
        try:
            reports = decode_reports(bytes(damaged[:end]))
        except BrokenFrame:
            continue
        decoded += 1
        assert all(isinstance(report, msgspec.Struct) for report in reports)
    assert decoded > 100
