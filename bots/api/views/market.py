"""Markets over REST."""

from dataclasses import asdict
from typing import Any, get_args

import django_filters
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from bots.api.fields import RowSerializer
from bots.api.pagination import MAX_LIMIT, Pages
from bots.queries.market import candles, find_instrument, market
from bots.queries.records import time_text
from marketdata.events import Timeframe
from marketdata.models import Instrument
from marketdata.queries import FeedRow, feed_rows

TIMEFRAMES: tuple[Timeframe, ...] = get_args(Timeframe)


class Candle(serializers.Serializer[Any]):
    ts_open = serializers.IntegerField(help_text="Nanoseconds since the epoch.")
    time = serializers.IntegerField(help_text="Seconds since the epoch.")
    open = serializers.FloatField()
    high = serializers.FloatField()
    low = serializers.FloatField()
    close = serializers.FloatField()
    volume = serializers.FloatField()
    closed = serializers.BooleanField(help_text="false for the forming candle.")


class Candles(APIView):
    @extend_schema(
        parameters=[
            OpenApiParameter("exchange", str, required=True),
            OpenApiParameter("symbol", str, required=True),
            OpenApiParameter("timeframe", str, enum=list(TIMEFRAMES), default="1m"),
            OpenApiParameter("limit", int, default=300),
        ],
        responses=inline_serializer(
            "Candles",
            {
                "exchange": serializers.CharField(),
                "symbol": serializers.CharField(),
                "timeframe": serializers.CharField(),
                "candles": Candle(many=True),
            },
        ),
    )
    def get(self, request: Request) -> Response:
        """Candles, oldest first; the last one may be forming."""
        asked = request.query_params
        timeframe, limit = timeframe_of(asked.get("timeframe", "1m")), limit_of(asked.get("limit", "300"))
        for name in ("exchange", "symbol"):
            if not asked.get(name):
                raise ValidationError({name: ["Required, e.g. ?exchange=simulated&symbol=BTC/USDT."]})
        instrument = find_instrument(asked["exchange"], asked["symbol"])
        if instrument is None:
            raise NotFound(f"{asked['symbol']} on {asked['exchange']} is not known. GET /api/v1/symbols lists what is.")
        return Response(
            {
                "exchange": instrument.exchange.code,
                "symbol": instrument.symbol,
                "timeframe": timeframe,
                "candles": candles(instrument, timeframe=timeframe, limit=limit),
            }
        )


def timeframe_of(text: str) -> Timeframe:
    for timeframe in TIMEFRAMES:
        if timeframe == text:
            return timeframe
    raise ValidationError({"timeframe": [f"{text!r}: allowed is one of {', '.join(TIMEFRAMES)}."]})


def limit_of(text: str, most: int = 1500) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= most:
        raise ValidationError({"limit": [f"{text!r}: allowed is a whole number from 1 to {most}."]})
    return int(text)


class SymbolSerializer(RowSerializer):
    exchange = serializers.CharField(source="exchange.code", read_only=True)

    class Meta:
        model = Instrument
        fields = (
            "exchange", "symbol", "kind", "base", "quote", "tick_size", "lot_size", "min_quantity", "max_quantity",
            "min_notional", "active",
        )  # fmt: skip


class SymbolFilter(django_filters.FilterSet):  # type: ignore[misc]
    exchange = django_filters.CharFilter(field_name="exchange__code", help_text="Code of an exchange.")
    symbol = django_filters.CharFilter(help_text="Unified, e.g. BTC/USDT.")
    active = django_filters.BooleanFilter()


class SymbolPages(Pages):
    page_size = MAX_LIMIT


class Symbols(ListAPIView[Instrument]):
    """What can be traded, and the venue's rules."""

    queryset = Instrument.objects.select_related("exchange")
    serializer_class = SymbolSerializer
    pagination_class = SymbolPages
    filterset_class = SymbolFilter
    page_order = "pk"


class Feed(serializers.Serializer[Any]):
    exchange = serializers.CharField()
    environment = serializers.CharField(help_text="simulated, testnet or live.")
    symbol = serializers.CharField()
    state = serializers.CharField()
    source = serializers.CharField(help_text="websocket, rest, or the exchange that stands in.")  # type: ignore[assignment]
    reason = serializers.CharField(help_text="Why it is not live.")
    advice = serializers.CharField(help_text="What to do about it.")
    last_price = serializers.FloatField(allow_null=True)
    last_tick_at = serializers.DateTimeField(allow_null=True)
    tick_age_s = serializers.FloatField(allow_null=True)
    messages_per_s = serializers.FloatField()
    lag_p50_ms = serializers.FloatField(allow_null=True)
    lag_p95_ms = serializers.FloatField(allow_null=True)
    messages = serializers.IntegerField()
    rejected = serializers.IntegerField()
    gaps = serializers.IntegerField()
    reconnects = serializers.IntegerField()
    followers = serializers.IntegerField(help_text="How many bots follow it.")
    updated_at = serializers.DateTimeField()
    is_running = serializers.BooleanField(help_text="false when its feed no longer writes.")


def feed_answer(row: FeedRow) -> dict[str, Any]:
    times = {"last_tick_at": time_text(row.last_tick_at), "updated_at": time_text(row.updated_at)}
    return {**asdict(row), **times}


class Feeds(APIView):
    @extend_schema(responses=Feed(many=True), operation_id="feeds_list")
    def get(self, request: Request) -> Response:
        """How the stream of every followed symbol is."""
        return Response([feed_answer(row) for row in feed_rows(now=timezone.now())])


class MarketData(serializers.Serializer[Any]):
    exchange = serializers.CharField()
    symbol = serializers.CharField()
    price = serializers.FloatField(allow_null=True)
    bid = serializers.FloatField(allow_null=True)
    ask = serializers.FloatField(allow_null=True)
    volume = serializers.FloatField(allow_null=True, help_text="Of 24 hours, in base.")
    change = serializers.FloatField(allow_null=True, help_text="Of 24 hours, a fraction.")
    market_cap = serializers.FloatField(allow_null=True)
    volatility = serializers.FloatField(allow_null=True, help_text="Annual, a fraction.")
    state = serializers.CharField()
    source = serializers.CharField(allow_null=True)  # type: ignore[assignment]
    timestamp = serializers.DateTimeField(allow_null=True)
    regime = serializers.DictField(
        allow_null=True,
        help_text="phase (trend, range, neutral), direction, volatility (low, normal, high, extreme), quality, score, "
        "since, bars of the bars_needed, together (the timeframes it is told by), and timeframes with the same of each; "
        "null where no engine runs the symbol.",
    )


class Market(APIView):
    @extend_schema(
        parameters=[
            OpenApiParameter("symbols", str, description="Separated by commas; all that are followed without.")
        ],
        responses=MarketData(many=True),
        operation_id="market_list",
    )
    def get(self, request: Request) -> Response:
        """The latest price of each symbol on every exchange that streams it."""
        text = request.query_params.get("symbols")
        symbols = [symbol.strip() for symbol in text.split(",") if symbol.strip()][:MAX_LIMIT] if text else None
        return Response(market(symbols))
