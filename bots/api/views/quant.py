"""The quant service: candles in, signals out."""

import time
from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from redis import RedisError
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import UserRateThrottle
from rest_framework.views import APIView

from bots.api.errors import Unavailable
from bots.models import TokenScope
from marketdata.exchanges.catalog import adapter_names
from marketdata.models import Exchange
from quant.remote import latest
from quant.remote.answer import answer
from quant.remote.question import MAX_BYTES, MAX_CANDLES, TOO_MANY, Refused, TooMuch, read_question

NO_FEEDS = "The cache with the live signals does not answer. Try again in a moment."


class TooManyCandles(ValidationError):
    """413 that names the field."""

    status_code = 413
    default_code = "too_large"


class RawJSON(BaseParser):
    """The body as it came, of at most MAX_BYTES: what is larger is refused before it is read. Raises TooManyCandles."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, bytes]:
        headers = parser_context["request"].META if parser_context else {}
        length = str(headers.get("CONTENT_LENGTH") or "")
        if length.isdecimal() and int(length) > MAX_BYTES:
            raise TooManyCandles({"candles": [TOO_MANY]})
        return {"body": stream.read(MAX_BYTES + 1)}


class QuantThrottle(UserRateThrottle):
    """So many questions a minute for each person."""

    scope = "quant"

    def get_rate(self) -> str:
        return f"{settings.QUANT_REQUESTS_PER_MINUTE}/min"


class CandleIn(serializers.Serializer[Any]):
    timestamp = serializers.FloatField(help_text="When it opened: seconds or milliseconds since 1970.")
    open = serializers.FloatField(help_text="Above 0, from low to high.")
    high = serializers.FloatField()
    low = serializers.FloatField()
    close = serializers.FloatField(help_text="Above 0, from low to high.")
    volume = serializers.FloatField(min_value=0, help_text="In base; 0 is allowed.")


class QuantQuestion(serializers.Serializer[Any]):
    symbol = serializers.CharField(max_length=64, help_text="BTC/USDT, BTC-USDT or BTCUSDT.")
    candles = serializers.ListField(
        child=CandleIn(),
        max_length=MAX_CANDLES,
        help_text="Oldest first, evenly spaced; from 50 on they say something.",
    )
    timestamp = serializers.FloatField(required=False, allow_null=True, help_text="The moment asked about; else now.")
    exchange = serializers.CharField(
        required=False, allow_null=True, help_text="Whose live feeds; else those that spoke last."
    )


class QuantSignals(serializers.Serializer[Any]):
    speed = serializers.FloatField(allow_null=True, min_value=-1, max_value=1)
    microstructure = serializers.FloatField(allow_null=True, min_value=-1, max_value=1)
    oi = serializers.FloatField(allow_null=True, min_value=-1, max_value=1)
    options = serializers.FloatField(allow_null=True, min_value=-1, max_value=1)
    sentiment = serializers.FloatField(allow_null=True, min_value=-1, max_value=1)
    volatility = serializers.FloatField(allow_null=True, min_value=-1, max_value=1)
    combined = serializers.FloatField(allow_null=True, min_value=-1, max_value=1)


class QuantAnswer(serializers.Serializer[Any]):
    signals = QuantSignals()
    latency_ms = serializers.FloatField(help_text="Spent on the answer here.")
    timestamp = serializers.FloatField(help_text="Of the answer, in the unit of the question.")


class Problem(serializers.Serializer[Any]):
    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    errors = serializers.DictField(child=serializers.ListField(child=serializers.CharField()), required=False)  # type: ignore[assignment]


def problem_answer(description: str) -> OpenApiResponse:
    return OpenApiResponse(Problem, description=description)


EXAMPLE = OpenApiExample(
    "question",
    request_only=True,
    value={
        "symbol": "BTC/USDT",
        "candles": [
            {"timestamp": 1767225600000, "open": 100, "high": 101, "low": 99.5, "close": 100.5, "volume": 12.5}
        ],
        "timestamp": 1767225660000,
    },
)


class Signals(APIView):
    scope = TokenScope.READ
    parser_classes = (RawJSON,)
    throttle_classes = (QuantThrottle,)

    @extend_schema(
        operation_id="quant_signals",
        request=QuantQuestion,
        examples=[EXAMPLE],
        responses={
            200: QuantAnswer,
            (400, "application/problem+json"): problem_answer("What was wrong, by field and index."),
            (401, "application/problem+json"): problem_answer("Not signed in."),
            (413, "application/problem+json"): problem_answer(f"More than {MAX_CANDLES} candles."),
            (415, "application/problem+json"): problem_answer("Not application/json."),
            (429, "application/problem+json"): problem_answer("Too many questions; Retry-After tells when to ask."),
            (503, "application/problem+json"): problem_answer("The cache does not answer."),
        },
    )
    def post(self, request: Request) -> Response:
        """Signals in [-1, 1], positive for rising prices; null where neither the candles nor the live feeds have data."""
        began = time.perf_counter()
        now_ms = time.time_ns() // 1_000_000
        sent = request.data
        try:
            question = read_question(sent.get("body", b"") if isinstance(sent, dict) else b"", now_ms=now_ms)
            _require_known(question.exchange)
            live = latest.read(question.exchange, question.symbol)
        except TooMuch as error:
            raise TooManyCandles({error.field: [str(error)]}) from None
        except Refused as error:
            raise ValidationError({error.field: [str(error)]}) from None
        except RedisError:
            raise Unavailable(NO_FEEDS) from None
        return Response(
            {
                "signals": answer(question, live, now_ms=now_ms),
                "latency_ms": round((time.perf_counter() - began) * 1e3, 3),
                "timestamp": now_ms / 1000 if question.in_seconds else now_ms,
            }
        )


def _require_known(exchange: str | None) -> None:
    """Raises Refused: a name misspelt would be answered as if nothing were known of it."""
    if exchange is None or exchange in adapter_names() or Exchange.objects.filter(code=exchange).exists():
        return
    raise Refused("exchange", f"{exchange} is no exchange known here: {', '.join(adapter_names())}, or leave it out.")


class SignalsAlias(Signals):
    """The same at `/signals`, for clients of the service that know no other address."""

    schema = None
