"""What the faults do to a frame on its way to the sockets: leave it out, send it twice or later, change it."""

import random
import time
from collections.abc import Callable, Sequence

import msgspec

from marketdata.simulator.fault_catalog import Fault
from marketdata.simulator.faults import Active, Faults

_PAGE = "<html><body><h1>502 Bad Gateway</h1></body></html>"
_TRADES = ("trade", "aggTrade")
_FAR = 10**12

_decode = msgspec.json.Decoder(dict[str, object]).decode


def split_stream(stream: str) -> tuple[str, str]:
    """(symbol, channel) of "btcusdt@depth@100ms": "BTCUSDT" and "depth"; a stream of all symbols has none."""
    name, _, channel = stream.partition("@")
    return ("" if name.startswith("!") else name.upper()), channel.partition("@")[0]


class Tampering:
    """The stream faults of one hub."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        # Frames that wait for the one behind them.
        self._held: dict[str, str] = {}
        self._rng = random.Random(1)

    @property
    def is_on(self) -> bool:
        return self._faults.on_streams or bool(self._held)

    def frames(self, stream: str, text: str) -> Sequence[str]:
        """What is sent instead of this frame."""
        symbol, channel = split_stream(stream)
        now_s = time.monotonic()

        def strike(fault: Fault) -> Active | None:
            return self._faults.strike(fault, symbol=symbol, channel=channel, now_s=now_s)

        for fault in (Fault.FREEZE_DATA, Fault.DELIST):
            if self._faults.lasting(fault, now_s, symbol=symbol, channel=channel) is not None:
                return ()
        if channel == "depth":
            frames = self._depth(stream, text, strike)
        elif channel in _TRADES:
            frames = self._trade(text, strike)
        else:
            frames = [text]
        return [self._damaged(self._priced(frame, channel, strike), symbol, channel, now_s) for frame in frames]

    def _depth(self, stream: str, text: str, strike: Callable[[Fault], Active | None]) -> list[str]:
        if strike(Fault.SKIP_DEPTH):
            return []
        held = self._held.pop(stream, None)
        if held is not None:
            return [text, held]
        if strike(Fault.REORDER_DEPTH):
            self._held[stream] = text
            return []
        if strike(Fault.WRONG_LEVEL):
            text = _with_wrong_level(text)
        return [text, text] if strike(Fault.DUPLICATE_DEPTH) else [text]

    @staticmethod
    def _trade(text: str, strike: Callable[[Fault], Active | None]) -> list[str]:
        if strike(Fault.SKIP_TRADE):
            return []
        return [text, text] if strike(Fault.DUPLICATE_TRADE) else [text]

    @staticmethod
    def _priced(text: str, channel: str, strike: Callable[[Fault], Active | None]) -> str:
        prices = ("b", "a") if channel == "bookTicker" else ("p",) if channel in _TRADES else ()
        if not prices:
            return text
        if channel == "bookTicker" and strike(Fault.CROSSED_QUOTE):
            event = _decode(text)
            return _encoded(event | {"b": event["a"], "a": event["b"]})
        if strike(Fault.WRONG_ID):
            event = _decode(text)
            name = next(name for name in ("u", "t", "a") if name in event and isinstance(event[name], int))
            return _encoded(event | {name: int(str(event[name])) + _FAR})
        if strike(Fault.ZERO_PRICE):
            return _encoded(_decode(text) | {prices[0]: "0.00000000"})
        if strike(Fault.NAN_PRICE):
            return _encoded(_decode(text) | {prices[0]: "NaN"})
        spike = strike(Fault.SPIKE_PRICE)
        if spike is not None:
            event = _decode(text)
            return _encoded(event | {name: f"{float(str(event[name])) * spike.factor:.8f}" for name in prices})
        return text

    def _damaged(self, text: str, symbol: str, channel: str, now_s: float) -> str:
        damage = self._faults.lasting(Fault.CORRUPT_FRAME, now_s, symbol=symbol, channel=channel)
        if damage is None or self._rng.random() >= damage.rate:
            return text
        self._faults.strike(Fault.CORRUPT_FRAME, symbol=symbol, channel=channel, now_s=now_s)
        if damage.kind == "html":
            return _PAGE
        place = self._rng.randrange(1, len(text))
        if damage.kind == "truncate":
            return text[:place]
        return text[:place] + chr(ord(text[place]) ^ (1 << self._rng.randrange(7))) + text[place + 1 :]


def _with_wrong_level(text: str) -> str:
    """Seven times the size of the first level that has one."""
    event = msgspec.json.decode(text)
    for price_and_size in (*event["b"], *event["a"]):
        if float(price_and_size[1]):
            price_and_size[1] = f"{float(price_and_size[1]) * 7:.8f}"
            break
    return _encoded(event)


def _encoded(event: dict[str, object]) -> str:
    return msgspec.json.encode(event).decode()
