"""BingX sends every frame as gzip. What comes out is bounded, so that a small frame cannot fill the memory."""

import zlib

from marketdata.exchanges.adapter import MalformedFrame

_GZIP = 31
_MAGIC = b"\x1f\x8b"
_MAX_BYTES = 16 * 1024 * 1024


def decompress(frame: bytes) -> bytes:
    """Give the text of a frame, compressed or not. Raises MalformedFrame."""
    if frame[:2] != _MAGIC:
        return frame
    stream = zlib.decompressobj(_GZIP)
    try:
        text = stream.decompress(frame, _MAX_BYTES)
    except zlib.error as error:
        raise MalformedFrame(f"damaged compression ({error})", frame) from None
    if not stream.eof or stream.unused_data:
        raise MalformedFrame(f"cut off, followed by more, or above {_MAX_BYTES} bytes when decompressed,", frame)
    return text
