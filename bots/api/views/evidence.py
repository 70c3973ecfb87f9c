"""What signals were worth, over REST."""

from typing import Any

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.permissions import IsAdminUser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from bots.api.errors import Unavailable
from bots.api.fields import RowSerializer
from bots.api.idempotency import IDEMPOTENCY_PARAMETER, idempotent
from bots.api.pagination import Pages
from bots.api.views.base import person
from bots.operations.compute_evidence import BrokerAway, compute_evidence
from bots.queries.evidence import visible_evidence
from bots.queries.records import nanoseconds_text
from quant.evidence.grid import HORIZONS_S, REGIMES
from quant.models import EvidenceRow
from quant.models.evidence import EvidenceKind, EvidenceVerdict

HORIZON_NAMES = {"1m": 60, "5m": 300, "15m": 900, "1h": 3600, "4h": 14_400, "1d": 86_400}
HORIZONS = [(name, name) for name in HORIZON_NAMES] + [(str(seconds), str(seconds)) for seconds in HORIZONS_S]
ALL_REGIMES = "all"


class EvidenceSerializer(RowSerializer):
    """Figures are null where they could not be computed; `reason` says why."""

    window_start = serializers.SerializerMethodField(help_text="Of the samples that were looked at.")
    window_end = serializers.SerializerMethodField()

    class Meta:
        model = EvidenceRow
        fields = (
            "exchange", "symbol", "kind", "component", "bot", "horizon_s", "regime", "verdict", "reason", "n", "n_eff",
            "needed", "ic", "ic_low", "ic_high", "t_hac", "n_independent", "ic_independent", "t_independent",
            "hit_rate", "hit_low", "hit_high", "turnover", "break_even_bps", "marginal_ic", "half_life_s", "sharpe",
            "psr", "dsr", "window_start", "window_end", "computed_at",
        )  # fmt: skip

    def get_window_start(self, row: EvidenceRow) -> str:
        return nanoseconds_text(row.window_start_ns)

    def get_window_end(self, row: EvidenceRow) -> str:
        return nanoseconds_text(row.window_end_ns)


class EvidenceFilter(django_filters.FilterSet):  # type: ignore[misc]
    exchange = django_filters.CharFilter(help_text="Code of an exchange.")
    symbol = django_filters.CharFilter(help_text="Unified, e.g. BTC/USDT.")
    component = django_filters.CharFilter(help_text="E.g. speed, technical 1m, combined, bot:7.")
    kind = django_filters.ChoiceFilter(choices=EvidenceKind.choices)
    horizon = django_filters.ChoiceFilter(
        choices=HORIZONS, method="at_horizon", help_text="1m, 5m, 15m, 1h, 4h, 1d, or the same in seconds."
    )
    regime = django_filters.ChoiceFilter(
        choices=[(name, name) for name in (ALL_REGIMES, *REGIMES)],
        method="in_regime",
        help_text="all: whatever the regime; without it, rows of every regime and of all together.",
    )
    verdict = django_filters.ChoiceFilter(choices=EvidenceVerdict.choices)

    def at_horizon(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return rows.filter(horizon_s=HORIZON_NAMES.get(value) or int(value))

    def in_regime(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return rows.filter(regime="" if value == ALL_REGIMES else value)


class EvidenceList(ListAPIView[EvidenceRow]):
    """What each signal, vote and blend was worth on each instrument, by horizon and regime.

    Of blends by bots' own weights only those of your bots.
    """

    queryset = EvidenceRow.objects.none()
    serializer_class = EvidenceSerializer
    pagination_class = Pages
    filterset_class = EvidenceFilter
    page_order = "pk"

    def get_queryset(self) -> QuerySet[EvidenceRow]:
        if getattr(self, "swagger_fake_view", False):
            return EvidenceRow.objects.none()
        return visible_evidence(person(self.request))


class Recompute(APIView):
    permission_classes = (IsAdminUser,)

    @extend_schema(
        request=None,
        parameters=[IDEMPOTENCY_PARAMETER],
        responses={
            202: inline_serializer(
                "Recomputation",
                {"asked": serializers.BooleanField(help_text="false: somebody asked within the last minute.")},
            )
        },
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Compute the evidence now, on the jobs worker. Staff only."""
        try:
            asked = compute_evidence(actor=person(request))
        except BrokerAway:
            raise Unavailable(
                "Redis does not answer, so the task cannot be asked for. Try again in a moment."
            ) from None
        return Response({"asked": asked}, status=202)
