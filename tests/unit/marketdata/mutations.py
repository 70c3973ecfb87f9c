"""Damaged frames: what a wire, a proxy or a venue's bug may make of good ones. The same seed gives the same frames."""

import random
import re
from collections.abc import Callable, Iterator, Sequence

_NUMBER = re.compile(rb"-?\d+(?:\.\d+)?")
_WORD = re.compile(rb'"[^"]*"|-?\d+(?:\.\d+)?|true|false|null')
_NUMBERS = (
    b"0", b"-0", b"-1", b"1e999", b"-1e999", b"1e-400", b"0.1", b"1.5e3", b"9" * 30, b"-" + b"9" * 25, b"18446744073709551616",
    b"9223372036854775807", b"9223372036854775808", b"-9223372036854775809", b"NaN", b"Infinity", b"-Infinity", b"nan", b"inf",
    b"00012", b"0x10", b"1_000", b" 5", b"5 ", b"+5", b".5", b"5.",
)  # fmt: skip
_WORDS = (
    b"null", b"true", b"false", b'""', b'"x"', b"[]", b"{}", b"[[]]", b"[null]", b'{"a":1}', b'"\\ud800"', b'"\xff"',
    b'"NaN"', b'"Infinity"', b'"-1"', b'"1e999"', b'"' + b"9" * 400 + b'"', b'"\\u0031"', b"1", b"-1", b"1.5",
)  # fmt: skip
_TOKENS = (
    b'"',
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"\\",
    b"\x00",
    b"\xff",
    b"\n",
    b"9",
    b"-",
    b".",
    b"e",
    b"@",
    b"null",
)
_FRAMES = (b"", b" ", b"null", b"[]", b"{}", b"0", b'""', b"\xff\xfe", b"\x1f\x8b\x08", b"[" * 3000, b'{"a":' * 3000)

_Mutation = Callable[[bytes, random.Random, Sequence[bytes]], bytes]


def mutations(frames: list[bytes], count: int, seed: int) -> Iterator[bytes]:
    """Yield `count` frames, each one of `frames` damaged one to four times. Few of them are still as they were."""
    rng = random.Random(seed)
    for _ in range(count):
        frame = rng.choice(frames)
        for _ in range(rng.choice((1, 1, 1, 2, 3, 4))):
            frame = rng.choice(_MUTATIONS)(frame, rng, frames)
        yield frame


def _slice(frame: bytes, rng: random.Random, longest: int = 16) -> tuple[int, int]:
    start = rng.randrange(len(frame) + 1)
    return start, min(len(frame), start + rng.randrange(1, longest + 1))


def _flip_a_bit(frame: bytes, rng: random.Random, _: Sequence[bytes]) -> bytes:
    if not frame:
        return frame
    at = rng.randrange(len(frame))
    return frame[:at] + bytes([frame[at] ^ 1 << rng.randrange(8)]) + frame[at + 1 :]


def _change_a_byte(frame: bytes, rng: random.Random, _: Sequence[bytes]) -> bytes:
    at = rng.randrange(len(frame) + 1)
    return frame[:at] + bytes([rng.randrange(256)]) + frame[at + 1 :]


def _change_a_digit(frame: bytes, rng: random.Random, _: Sequence[bytes]) -> bytes:
    places = [at for at, byte in enumerate(frame) if 48 <= byte <= 57]
    if not places:
        return frame
    at = rng.choice(places)
    return frame[:at] + b"%d" % rng.randrange(10) + frame[at + 1 :]


def _delete(frame: bytes, rng: random.Random, _: Sequence[bytes]) -> bytes:
    start, end = _slice(frame, rng)
    return frame[:start] + frame[end:]


def _insert(frame: bytes, rng: random.Random, _: Sequence[bytes]) -> bytes:
    at = rng.randrange(len(frame) + 1)
    return frame[:at] + rng.choice(_TOKENS) * rng.choice((1, 1, 1, 2, 30)) + frame[at:]


def _duplicate(frame: bytes, rng: random.Random, _: Sequence[bytes]) -> bytes:
    start, end = _slice(frame, rng, 40)
    return frame[:end] + frame[start:end] + frame[end:]


def _truncate(frame: bytes, rng: random.Random, _: Sequence[bytes]) -> bytes:
    return frame[: rng.randrange(len(frame) + 1)]


def _swap(frame: bytes, rng: random.Random, _: Sequence[bytes]) -> bytes:
    a, b, c, d = sorted(rng.randrange(len(frame) + 1) for _ in range(4))
    return frame[:a] + frame[c:d] + frame[b:c] + frame[a:b] + frame[d:]


def _swap_words(frame: bytes, rng: random.Random, _: Sequence[bytes]) -> bytes:
    words = list(_WORD.finditer(frame))
    if len(words) < 2:
        return frame
    first, second = sorted(rng.sample(words, 2), key=lambda word: word.start())
    between = frame[first.end() : second.start()]
    return frame[: first.start()] + second.group() + between + first.group() + frame[second.end() :]


def _change_a_number(frame: bytes, rng: random.Random, _: Sequence[bytes]) -> bytes:
    return _put(_NUMBER, _NUMBERS, frame, rng)


def _change_a_word(frame: bytes, rng: random.Random, _: Sequence[bytes]) -> bytes:
    return _put(_WORD, _WORDS, frame, rng)


def _put(pattern: re.Pattern[bytes], choices: Sequence[bytes], frame: bytes, rng: random.Random) -> bytes:
    places = list(pattern.finditer(frame))
    if not places:
        return frame
    place = rng.choice(places)
    return frame[: place.start()] + rng.choice(choices) + frame[place.end() :]


def _splice(frame: bytes, rng: random.Random, frames: Sequence[bytes]) -> bytes:
    """The beginning of one frame and the end of another."""
    other = rng.choice(frames)
    return frame[: rng.randrange(len(frame) + 1)] + other[rng.randrange(len(other) + 1) :]


def _glue(frame: bytes, rng: random.Random, frames: Sequence[bytes]) -> bytes:
    return frame + rng.choice((b"", b"\n")) + rng.choice(frames)


def _replace(_: bytes, rng: random.Random, __: Sequence[bytes]) -> bytes:
    return rng.choice(_FRAMES)


_MUTATIONS: tuple[_Mutation, ...] = (
    _flip_a_bit, _change_a_byte, _change_a_digit, _delete, _insert, _duplicate, _truncate, _swap, _swap_words,
    _change_a_number, _change_a_word, _splice, _glue, _replace,
)  # fmt: skip
