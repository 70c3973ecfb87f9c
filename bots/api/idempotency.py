"""Asking twice does once: an Idempotency-Key on a POST that trades, kept for a day with its answer."""

import hashlib
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.cache import cache
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from bots.api.errors import Conflict, Unprocessable

HEADER = "Idempotency-Key"
KEPT_S = 24 * 3600
RUNNING_S = 60
MAX_KEY = 200

IDEMPOTENCY_PARAMETER = OpenApiParameter(
    HEADER,
    str,
    OpenApiParameter.HEADER,
    description="Repeat a request with the same key and it is done once; the second answer repeats the first.",
)

View = Callable[..., Response]


def idempotent(view: View) -> View:
    """Keep the answer of a method of an API view under the caller's key. Refusals are not kept: try again."""

    @wraps(view)
    def answer(self: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        key = request.headers.get(HEADER)
        if key is None:
            return view(self, request, *args, **kwargs)
        if not key.isprintable() or not 1 <= len(key) <= MAX_KEY:
            raise ValidationError({HEADER: [f"Allowed are 1 to {MAX_KEY} printable characters."]})
        place = "idempotency:" + hashlib.sha256(f"{request.user.pk}:{key}".encode()).hexdigest()
        asked = hashlib.sha256(f"{request.method} {request.path} ".encode() + request.body).hexdigest()
        if not cache.add(place, {"asked": asked}, RUNNING_S):
            kept = cache.get(place) or {"asked": asked}
            if kept["asked"] != asked:
                raise Unprocessable(f"{HEADER} was used for another request. Use a new key for every new request.")
            if "status" not in kept:
                raise Conflict("The first request with this key is still running. Ask again in a moment.")
            return Response(kept["data"], status=kept["status"])
        try:
            response = view(self, request, *args, **kwargs)
        except BaseException:
            cache.delete(place)
            raise
        cache.set(place, {"asked": asked, "status": response.status_code, "data": response.data}, KEPT_S)
        return response

    return answer
