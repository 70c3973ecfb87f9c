"""Bodies of requests."""

from collections.abc import Mapping
from typing import IO, Any

from rest_framework.exceptions import APIException
from rest_framework.parsers import JSONParser

MAX_BODY = 1_000_000


class TooLarge(APIException):
    status_code = 413
    default_code = "too_large"
    default_detail = f"The body is too large: at most {MAX_BODY} bytes are read."


class BoundedJSONParser(JSONParser):
    """JSON of at most MAX_BODY bytes. Raises TooLarge, before anything is read."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        headers = parser_context["request"].META if parser_context else {}
        length = str(headers.get("CONTENT_LENGTH") or "")
        if length.isdecimal() and int(length) > MAX_BODY:
            raise TooLarge
        return super().parse(stream, media_type, parser_context)
