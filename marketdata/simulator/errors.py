"""The venue's refusals: Binance's code, text and HTTP status."""


class VenueError(Exception):
    """A request the venue refuses."""

    def __init__(
        self,
        code: int,
        message: str,
        *,
        status: int = 400,
        retry_after_s: int | None = None,
        data: dict[str, object] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.retry_after_s = retry_after_s
        self.data = data

    @property
    def body(self) -> dict[str, object]:
        # A gateway's error page has no code of the venue.
        body: dict[str, object] = {"code": self.code, "msg": self.message} if self.code else {}
        return body if self.data is None else body | {"data": self.data}


def missing(name: str) -> VenueError:
    return VenueError(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def illegal(name: str, pattern: str) -> VenueError:
    return VenueError(-1100, f"Illegal characters found in parameter '{name}'; legal range is '{pattern}'.")


def filter_failure(name: str) -> VenueError:
    return VenueError(-1013, f"Filter failure: {name}")


def rejected(reason: str) -> VenueError:
    """An order the matching engine refuses."""
    return VenueError(-2010, reason)


def unknown_symbol() -> VenueError:
    return VenueError(-1121, "Invalid symbol.")


INSUFFICIENT = "Account has insufficient balance for requested action."
