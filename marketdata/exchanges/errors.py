"""What a venue's parser and REST functions raise."""

_EXCERPT_BYTES = 120


class MalformedFrame(ValueError):
    """A frame that is not what the venue documents."""

    def __init__(self, what: str, frame: bytes) -> None:
        excerpt = frame[:_EXCERPT_BYTES].decode("utf-8", "replace")
        super().__init__(f"{what} in a frame of {len(frame)} bytes: {excerpt!r}")


class UnknownVenueSymbol(MalformedFrame):
    """A frame about a symbol that was not asked for."""


class VenueError(Exception):
    """A REST request failed."""


class VenueUnavailable(VenueError):
    """No usable answer: network error, timeout or a server error. Worth another try later."""


class VenueRejected(VenueError):
    """The venue refused the request. Sending it again unchanged is pointless."""


class UnknownSymbol(VenueRejected):
    """The venue does not list the symbol."""


class UnsupportedTimeframe(VenueRejected):
    """The venue has no bars of this length: build them from shorter ones."""


class NotAllowed(VenueError):
    """Key, token or permission missing, expired or revoked. The message says what to do."""


class RateLimited(VenueError):
    """The venue asks to wait; until then nothing is sent."""

    def __init__(self, message: str, *, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
