"""Signed requests: HMAC-SHA256 over the parameters, and the window in which a timestamp is good."""

import hashlib
import hmac
import re
from collections.abc import Mapping

from marketdata.simulator.errors import VenueError, illegal, missing

MAX_WINDOW_MS = 60_000
DEFAULT_WINDOW_MS = 5_000
MAX_AHEAD_MS = 1_000

_SIGNATURE = re.compile(r"(^|&)signature=[^&]*")


def payload(query: str, body: str) -> str:
    """What a REST client signed: query string and body joined, without the signature."""
    return _SIGNATURE.sub("", query).lstrip("&") + _SIGNATURE.sub("", body).lstrip("&")


def socket_payload(params: Mapping[str, str]) -> str:
    """What a WebSocket client signed: its parameters sorted by name."""
    return "&".join(f"{name}={value}" for name, value in sorted(params.items()) if name != "signature")


def verify(secret: str, signed: str, signature: str | None) -> None:
    """Raise -1022 unless the signature is that of `signed`."""
    if not signature:
        raise missing("signature")
    expected = hmac.new(secret.encode(), signed.encode(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected, signature.lower()):
        raise VenueError(-1022, "Signature for this request is not valid.")


def read_window(params: Mapping[str, str]) -> tuple[int, int]:
    """(timestamp, window) in ms. Microsecond timestamps are accepted, as Binance does."""
    text = params.get("timestamp")
    if not text:
        raise missing("timestamp")
    if not re.fullmatch(r"[0-9]{1,20}", text):
        raise illegal("timestamp", "^[0-9]{1,20}$")
    timestamp = int(text)
    if timestamp > 10**14:
        timestamp //= 1000
    window_text = params.get("recvWindow", str(DEFAULT_WINDOW_MS))
    if not re.fullmatch(r"[0-9]{1,5}(\.[0-9]{1,3})?", window_text):
        raise illegal("recvWindow", r"^[0-9]{1,5}(\.[0-9]{1,3})?$")
    window = int(float(window_text))
    if window > MAX_WINDOW_MS:
        raise VenueError(-1131, "recvWindow must be less than 60000")
    return timestamp, window


def check_window(timestamp_ms: int, window_ms: int, now_ms: int) -> None:
    """Raise -1021 for a timestamp more than a second ahead or older than its window."""
    if timestamp_ms > now_ms + MAX_AHEAD_MS:
        raise VenueError(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
    if now_ms - timestamp_ms > window_ms:
        raise VenueError(-1021, "Timestamp for this request is outside of the recvWindow.")
