"""Versions in the admin: what they are worth, why they may not be promoted, and the buttons that move them."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.safestring import SafeString

from quant.admin.wording import NOTHING, figure, metrics_table, moment, sentences
from quant.learning import registry
from quant.learning.drift import DRIFT_BARS, MIN_ROWS
from quant.learning.registry import NotAllowed, stage_of, standing_refusals
from quant.models import ModelEvent, ModelVersion

if TYPE_CHECKING:
    VersionBase = admin.ModelAdmin[ModelVersion]
    EventBase = admin.TabularInline[ModelEvent, ModelVersion]
else:
    # Django's own classes take no type arguments.
    VersionBase, EventBase = admin.ModelAdmin, admin.TabularInline


class EventInline(EventBase):
    model = ModelEvent
    verbose_name_plural = "what was done"
    fields = ("at", "kind", "before", "after", "actor", "reason")
    readonly_fields = fields
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(ModelVersion)
class ModelVersionAdmin(VersionBase):
    list_display = ("__str__", "scope", "place", "skill", "net", "evidence_words", "drift_value")
    list_filter = ("status", "timeframe", "exchange")
    search_fields = ("name", "symbol")
    readonly_fields = fields = ("status", "status_since", "scope", "against", "figures", "evidence_words", "drift_words",
                                "span", "bars", "labels", "label_params", "trials", "code_revision", "sha256",
                                "schema_hash", "run", "replaced", "created_at")  # fmt: skip
    inlines = (EventInline,)
    change_form_template = "admin/quant/modelversion/change_form.html"

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).defer("artefact")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: ModelVersion, form: Any, change: bool) -> None:
        """Nothing of a version is written by a form: buttons move it."""

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        version = self.get_object(request, object_id)
        now = timezone.now()
        extra = {} if version is None else {"must_force": bool(standing_refusals(version, now))}
        return super().change_view(request, object_id, form_url, {"title": "Model", **extra, **(extra_context or {})})

    def response_change(self, request: HttpRequest, obj: ModelVersion) -> HttpResponse:
        user, reason = request.user.get_username(), request.POST.get("reason", "")
        common: dict[str, Any] = {"actor": user, "reason": reason, "now": timezone.now()}
        moves: dict[str, Callable[[], object]] = {
            "_promote": lambda: registry.promote(obj.pk, force="force" in request.POST, **common),
            "_demote": lambda: registry.demote(obj.pk, **common),
            "_roll_back": lambda: registry.roll_back(obj.pk, **common),
            "_retire": lambda: registry.retire(obj.pk, **common),
        }
        for name, move in moves.items():
            if name in request.POST:
                self._move(request, obj, move)
        return HttpResponseRedirect(request.path)

    def _move(self, request: HttpRequest, obj: ModelVersion, move: Callable[[], object]) -> None:
        try:
            moved = move()
        except NotAllowed as error:
            self.message_user(request, str(error), messages.ERROR)
            return
        obj.refresh_from_db()
        # The admin writes the first letter large: a name must not be first.
        words = f"Model {obj} is {obj.status}."
        if isinstance(moved, ModelVersion) and moved.pk != obj.pk:
            words += f" {moved} is {moved.status} again."
        self.message_user(request, words, messages.SUCCESS)

    @admin.display(description="status", ordering="status")
    def place(self, version: ModelVersion) -> str:
        return version.status

    @admin.display(description="skill on the holdout")
    def skill(self, version: ModelVersion) -> str:
        return figure(version.metrics.get("holdout", {}).get("skill"), "{:+.2%}")

    @admin.display(description="a trade after costs")
    def net(self, version: ModelVersion) -> str:
        return figure(version.metrics.get("holdout", {}).get("mean_bps"), "{:+.1f} bps")

    @admin.display(description="since it is recorded")
    def evidence_words(self, version: ModelVersion) -> str:
        evidence = version.evidence
        if not evidence:
            return "not judged yet"
        said = f"{evidence['predictions']:,} predictions, {evidence['trades']:,} trades"
        if "mean_bps" in evidence:
            said += f", {evidence['mean_bps']:+.1f} bps each after costs (p {evidence['p_value']:.3f})"
        stage = stage_of(version)
        if stage.looks.p_value is not None:
            said += (
                f"; since it is in {version.status}: {stage.trades:,} trades, {stage.mean_bps:+.1f} bps each, "
                f"{'passed' if stage.looks.passed else 'not passed'} at look {stage.looks.count} "
                f"(p {stage.looks.p_value:.3f}, needs {stage.looks.level:.3f})"
            )
        return said

    @admin.display(description="PSI")
    def drift_value(self, version: ModelVersion) -> str:
        return figure(version.drift.get("value"), "{:.2f}")

    @admin.display(description="drift")
    def drift_words(self, version: ModelVersion) -> str:
        drift = version.drift
        if not drift:
            return f"not measured: that takes {MIN_ROWS} events within the last {DRIFT_BARS:,} bars"
        worst = ", ".join(f"{name} {value:.2f}" for name, value in drift["worst"].items())
        return (
            f"PSI of predictions {drift['predictions']:.2f}, of features {drift['features']:.2f}, over {drift['rows']:,} "
            f"events; of a single feature that matters {figure(drift.get('single'), '{:.2f}')}; most: {worst or NOTHING}"
        )

    @admin.display(description="against a promotion")
    def against(self, version: ModelVersion) -> SafeString | str:
        return sentences(standing_refusals(version, timezone.now()), none="nothing")

    @admin.display(description="figures")
    def figures(self, version: ModelVersion) -> SafeString | str:
        return metrics_table(version.metrics)

    @admin.display(description="learned from")
    def span(self, version: ModelVersion) -> str:
        return f"{moment(version.span_start_ns)} to {moment(version.span_end_ns)}"
