"""Learned models over REST: everybody signed in may look, staff train, cancel and move them."""

from collections.abc import Callable
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.generics import ListAPIView, RetrieveAPIView, get_object_or_404
from rest_framework.permissions import SAFE_METHODS, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from bots.api.errors import Conflict
from bots.api.fields import RowSerializer
from bots.api.pagination import Pages
from bots.api.views.base import person
from quant.learning import registry
from quant.learning.runs import HORIZONS, MAX_COST_BPS, TIMEFRAMES, BadRun, cancel_run, enqueue, request_run
from quant.models import ModelEvent, ModelVersion, TrainingRun

STAFF_ONLY = "Only staff may train and move models: their votes reach everybody's bots."


class StaffActs(IsAuthenticated):
    """Signed in to read, staff to do anything."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        if not super().has_permission(request, view):
            return False
        if request.method not in SAFE_METHODS and not person(request).is_staff:
            raise PermissionDenied(STAFF_ONLY)
        return True


class Train(serializers.Serializer[Any]):
    """What to learn from, and how far ahead."""

    exchange = serializers.CharField(max_length=32)
    symbols = serializers.ListField(
        child=serializers.CharField(max_length=40), min_length=1, max_length=50,
        help_text="Of one exchange; of more than one the model is pooled.",
    )  # fmt: skip
    timeframe = serializers.ChoiceField(choices=TIMEFRAMES, default="1m")
    horizon_bars = serializers.IntegerField(min_value=HORIZONS[0], max_value=HORIZONS[1], default=60)
    cost_bps = serializers.FloatField(min_value=0, max_value=MAX_COST_BPS, default=10, help_text="Of a round trip.")
    start = serializers.DateTimeField(required=False, help_text="Without it: from the first stored bar.")
    end = serializers.DateTimeField(required=False, help_text="Without it: to the last stored bar.")
    seed = serializers.IntegerField(min_value=0, max_value=2**31 - 1, default=1)


class RunSerializer(RowSerializer):
    model = serializers.IntegerField(source="version.pk", default=None, help_text="Number of the version it made.")

    class Meta:
        model = TrainingRun
        fields = ("id", "exchange", "symbols", "timeframe", "start_ns", "end_ns", "horizon_bars", "cost_bps", "seed",
                  "state", "progress", "phase", "error", "metrics", "model", "requested_by", "created_at", "started_at",
                  "finished_at")  # fmt: skip
        read_only_fields = fields


class ModelEventSerializer(RowSerializer):
    class Meta:
        model = ModelEvent
        fields = ("at", "kind", "before", "after", "actor", "reason")


class ModelSerializer(RowSerializer):
    name = serializers.CharField(source="__str__")
    against = serializers.SerializerMethodField(help_text="Why it may not be promoted as things stand.")
    events = ModelEventSerializer(many=True)

    class Meta:
        model = ModelVersion
        fields = ("id", "name", "number", "exchange", "symbol", "timeframe", "status", "status_since", "against",
                  "metrics", "evidence", "drift", "sha256", "schema_hash", "span_start_ns", "span_end_ns", "bars",
                  "labels", "label_params", "trials", "code_revision", "run", "replaced", "created_at",
                  "events")  # fmt: skip
        read_only_fields = fields

    def get_against(self, version: ModelVersion) -> list[str]:
        return registry.standing_refusals(version, timezone.now())


class Move(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=500, default="", allow_blank=True)
    force = serializers.BooleanField(default=False, help_text="Promote against the rules; needs a reason.")


class TrainModel(APIView):
    permission_classes = (StaffActs,)

    @extend_schema(request=Train, responses={202: RunSerializer})
    def post(self, request: Request) -> Response:
        """Ask for a training; the answer's `id` is that of its run, to be followed at `models/runs/{id}`."""
        asked = Train(data=request.data)
        asked.is_valid(raise_exception=True)
        fields = dict(asked.validated_data)
        span: dict[str, Any] = {f"{name}_ns": _ns(fields.pop(name, None)) for name in ("start", "end")}
        try:
            run = request_run(**fields, **span, actor=person(request).get_username(), now=timezone.now())
        except BadRun as error:
            raise ValidationError({error.field: [str(error)]}) from None
        enqueue(run)
        return Response(RunSerializer(run).data, status=202)


class RunList(ListAPIView[TrainingRun]):
    queryset = TrainingRun.objects.select_related("version")
    serializer_class = RunSerializer
    pagination_class = Pages
    filterset_fields = ("state", "exchange", "timeframe")


class RunDetail(RetrieveAPIView[TrainingRun]):
    queryset = TrainingRun.objects.select_related("version")
    serializer_class = RunSerializer


class CancelRun(APIView):
    permission_classes = (StaffActs,)

    @extend_schema(request=None, responses={202: RunSerializer})
    def post(self, request: Request, pk: int) -> Response:
        """End a training: at once where it waits, within a second where it runs."""
        run = get_object_or_404(TrainingRun, pk=pk)
        if run.is_finished:
            raise Conflict(f"This training is over: it is {run.state}.")
        return Response(RunSerializer(cancel_run(pk, now=timezone.now())).data, status=202)


class ModelList(ListAPIView[ModelVersion]):
    queryset = ModelVersion.objects.defer("artefact").prefetch_related("events")
    serializer_class = ModelSerializer
    pagination_class = Pages
    filterset_fields = ("status", "exchange", "symbol", "timeframe")


class ModelDetail(RetrieveAPIView[ModelVersion]):
    queryset = ModelVersion.objects.defer("artefact").prefetch_related("events")
    serializer_class = ModelSerializer


MOVES: dict[str, Callable[..., Any]] = {
    "promote": registry.promote,
    "demote": registry.demote,
    "rollback": registry.roll_back,
    "retire": registry.retire,
}


class MoveModel(APIView):
    permission_classes = (StaffActs,)
    move = "promote"

    @extend_schema(request=Move, responses=ModelSerializer)
    def post(self, request: Request, pk: int) -> Response:
        """promote: shadow to canary to live, by the rules. demote: back to shadow. rollback: off, and what was live
        before is live again. retire: it predicts no more."""
        asked = Move(data=request.data)
        asked.is_valid(raise_exception=True)
        get_object_or_404(ModelVersion, pk=pk)
        force = {"force": asked.validated_data["force"]} if self.move == "promote" else {}
        try:
            MOVES[self.move](
                pk,
                actor=person(request).get_username(),
                reason=asked.validated_data["reason"],
                now=timezone.now(),
                **force,
            )
        except registry.NotAllowed as error:
            raise Conflict(str(error)) from None
        version = ModelVersion.objects.defer("artefact").prefetch_related("events").get(pk=pk)
        return Response(ModelSerializer(version).data)


def _ns(at: Any) -> int | None:
    return None if at is None else int(at.timestamp()) * 1_000_000_000
