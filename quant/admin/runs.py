"""Trainings in the admin: "Train a model", progress that moves by itself, and a cancel."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from marketdata.models import Instrument
from quant.admin.wording import metrics_table, moment
from quant.learning.runs import HORIZONS, TIMEFRAMES, WAITING, BadRun, cancel_run, check_run, enqueue
from quant.models import TrainingRun

if TYPE_CHECKING:
    RunForm = forms.ModelForm[TrainingRun]
    RunBase = admin.ModelAdmin[TrainingRun]
else:
    # Django's own classes take no type arguments.
    RunForm, RunBase = forms.ModelForm, admin.ModelAdmin

REFRESH_S = 2


class TrainForm(RunForm):
    """What to learn from, and how far ahead."""

    instruments = forms.ModelMultipleChoiceField(
        queryset=Instrument.objects.select_related("exchange").filter(active=True),
        help_text="Of one exchange. Several make one model of them all (pooled).",
    )
    timeframe = forms.ChoiceField(choices=[(name, name) for name in TIMEFRAMES], initial="1m")
    begin = forms.DateTimeField(required=False, help_text="UTC. Empty: from the first stored bar.")
    end = forms.DateTimeField(required=False, help_text="UTC. Empty: to the last stored bar.")

    class Meta:
        model = TrainingRun
        fields = ("instruments", "timeframe", "begin", "end", "horizon_bars", "cost_bps", "seed")
        help_texts = {
            "horizon_bars": f"How many bars ahead a trade may take, {HORIZONS[0]} to {HORIZONS[1]}; e.g. 60.",
            "cost_bps": "Of a round trip: fees and half the spread, twice; e.g. 10.",
            "seed": "The same seed and bars give the same model, bit for bit.",
        }

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        if self.errors:
            return found
        exchanges = {instrument.exchange.code for instrument in found["instruments"]}
        if len(exchanges) > 1:
            raise forms.ValidationError({"instruments": "Choose instruments of one exchange."})
        self.instance.exchange = exchanges.pop()
        self.instance.symbols = [instrument.symbol for instrument in found["instruments"]]
        self.instance.start_ns, self.instance.end_ns = _ns(found["begin"]), _ns(found["end"])
        try:
            check_run(
                exchange=self.instance.exchange,
                symbols=self.instance.symbols,
                timeframe=found["timeframe"],
                horizon_bars=found["horizon_bars"],
                cost_bps=found["cost_bps"],
                start_ns=self.instance.start_ns,
                end_ns=self.instance.end_ns,
            )
        except BadRun as error:
            raise forms.ValidationError({error.field if error.field in self.fields else None: str(error)}) from None  # type: ignore[dict-item]
        return found


def _ns(at: Any) -> int | None:
    return None if at is None else int(at.timestamp()) * 1_000_000_000


@admin.register(TrainingRun)
class TrainingRunAdmin(RunBase):
    list_display = ("__str__", "state", "bar", "phase", "requested_by", "created_at")
    list_filter = ("state", "timeframe")
    search_fields = ("symbols", "requested_by")
    actions = ("cancel",)
    fields = ("state", "bar", "phase", "error", "version_made", "what", "span", "horizon_bars", "cost_bps", "seed",
              "figures", "requested_by", "created_at", "started_at", "finished_at")  # fmt: skip
    readonly_fields = fields
    change_form_template = "admin/quant/trainingrun/change_form.html"

    def get_form(
        self, request: HttpRequest, obj: TrainingRun | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        return TrainForm if obj is None else super().get_form(request, obj, change, **kwargs)

    def get_fields(self, request: HttpRequest, obj: TrainingRun | None = None) -> Any:
        return TrainForm.Meta.fields if obj is None else self.fields

    def get_readonly_fields(self, request: HttpRequest, obj: TrainingRun | None = None) -> Any:
        return () if obj is None else self.readonly_fields

    def get_changeform_initial_data(self, request: HttpRequest) -> Any:
        return {"horizon_bars": 60, "cost_bps": 10, "seed": 1, **super().get_changeform_initial_data(request)}

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        return super().add_view(request, form_url, {"title": "Train a model", **(extra_context or {})})

    def save_model(self, request: HttpRequest, obj: TrainingRun, form: Any, change: bool) -> None:
        if change:
            return
        obj.requested_by, obj.created_at, obj.phase = request.user.get_username(), timezone.now(), WAITING
        super().save_model(request, obj, form, change)
        enqueue(obj)

    def response_add(
        self, request: HttpRequest, obj: TrainingRun, post_url_continue: str | None = None
    ) -> HttpResponse:
        self.message_user(request, "The training waits for the jobs worker; this page follows it.", messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:quant_trainingrun_change", args=[obj.pk]))

    def response_change(self, request: HttpRequest, obj: TrainingRun) -> HttpResponse:
        if "_cancel" in request.POST:
            run = cancel_run(obj.pk, now=timezone.now())
            words = "It is over already." if run.is_finished and run.state != "cancelled" else "It is being cancelled."
            self.message_user(request, words)
        return HttpResponseRedirect(request.path)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        answer = super().change_view(request, object_id, form_url, {"title": "Training", **(extra_context or {})})
        run = self.get_object(request, object_id) if request.method == "GET" else None
        if run is not None and not run.is_finished:
            answer["Refresh"] = str(REFRESH_S)
        return answer

    @admin.action(description="Cancel", permissions=["change"])
    def cancel(self, request: HttpRequest, queryset: Any) -> None:
        for run in queryset:
            cancel_run(run.pk, now=timezone.now())
        self.message_user(request, "Those that were not over are being cancelled.", messages.SUCCESS)

    @admin.display(description="progress")
    def bar(self, run: TrainingRun) -> SafeString:
        share = format(run.progress, ".0%")
        return format_html('<progress value="{}" max="1">{}</progress> {}', f"{run.progress:.3f}", share, share)

    @admin.display(description="learns from")
    def what(self, run: TrainingRun) -> str:
        return f"{', '.join(run.symbols)} on {run.exchange}, bars of {run.timeframe}"

    @admin.display(description="span")
    def span(self, run: TrainingRun) -> str:
        begin = "the first stored bar" if run.start_ns is None else moment(run.start_ns)
        return f"{begin} to {'the last one' if run.end_ns is None else moment(run.end_ns)}"

    @admin.display(description="figures")
    def figures(self, run: TrainingRun) -> SafeString | str:
        return metrics_table(run.metrics)

    @admin.display(description="model")
    def version_made(self, run: TrainingRun) -> SafeString | str:
        version = getattr(run, "version", None)
        if version is None:
            return "none"
        return format_html('<a href="../../../modelversion/{}/change/">{}</a>', version.pk, version)

    def has_delete_permission(self, request: HttpRequest, obj: TrainingRun | None = None) -> bool:
        return False
