"""KuCoin's frames by their topic: what spot and futures have in common."""

from collections.abc import Callable, Mapping, Sequence
from typing import Generic, Protocol, TypeVar

import msgspec

from marketdata.exchanges.adapter import MalformedFrame, UnknownVenueSymbol, VenueEvent
from marketdata.exchanges.kucoin.control import decode_control, read_control

NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_GUESSED_WRONG = (*UNREADABLE, IndexError)

T = TypeVar("T")

Handler = Callable[[bytes, int], Sequence[VenueEvent]]


class Remembered(dict[str, T], Generic[T]):
    """Answers of `find`, looked up once. What it raises is not remembered."""

    def __init__(self, find: Callable[[str], T]) -> None:
        super().__init__()
        self._find = find

    def __missing__(self, key: str) -> T:
        answer = self[key] = self._find(key)
        return answer


def symbol_of(topic: str) -> str:
    """The venue's symbol in "/market/level2:BTC-USDT"."""
    return topic.partition(":")[2]


class Parse(Protocol):
    def __call__(self, frame: bytes, *, ts_init: int) -> Sequence[VenueEvent]:
        """Decode one frame. Raises MalformedFrame, or UnknownVenueSymbol for one that is not in the tables."""


class TopicParser:
    """Decodes the frames of one socket. `handlers` go by topic, without its symbol.

    One byte of a frame, at `position`, tells the topics apart that come often: `guesses`. Every handler refuses the
    payload of another topic, so a wrong guess costs time and nothing else.
    """

    # A closure, not a method, like the handlers: attribute look-ups are a noticeable part of a frame's time.
    parse: Parse

    def __init__(
        self,
        *,
        handlers: Mapping[str, Handler],
        position: int,
        guesses: Mapping[str, str],
    ) -> None:
        self._handlers = handlers
        parse_any = self._parse_any
        by_byte: list[Handler] = [parse_any] * 256
        for letter, topic in guesses.items():
            by_byte[ord(letter)] = handlers[topic]

        def parse(frame: bytes, *, ts_init: int) -> Sequence[VenueEvent]:
            try:
                return by_byte[frame[position]](frame, ts_init)
            except _GUESSED_WRONG:
                pass
            except KeyError as error:
                raise _unknown(error, frame) from None
            return parse_any(frame, ts_init)

        self.parse = parse

    def _parse_any(self, frame: bytes, ts_init: int) -> Sequence[VenueEvent]:
        """What is rare, no market data, or written in another way than the venue writes it."""
        try:
            control = decode_control(frame)
            if not control.topic:
                return read_control(control, frame)
            handle = self._handlers.get(control.topic.partition(":")[0])
            if handle is None:
                raise MalformedFrame(f"unknown topic {control.topic!r}", frame)
            return handle(frame, ts_init)
        except UNREADABLE as error:
            raise MalformedFrame(str(error), frame) from None
        except KeyError as error:
            raise _unknown(error, frame) from None


def _unknown(error: KeyError, frame: bytes) -> UnknownVenueSymbol:
    return UnknownVenueSymbol(f"unknown symbol or no listing of {error}", frame)
