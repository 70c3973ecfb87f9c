"""Bots in the admin."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Count, DecimalField, F, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.timesince import timesince

from bots.admin.forms import BotForm
from bots.admin.owned import OwnedAdmin, ReadOnlyAdmin, ReadOnlyInline, person, sees_everything
from bots.admin.preflight import last_preflight
from bots.api.acts import Verb, act_on_bot
from bots.models import Bot, BotLease, Decision, Position, Session, Trade
from bots.operations.edit_bot import settings_changed
from bots.operations.refusals import Refused
from bots.operations.speak import audit
from bots.preflight.result import Level
from bots.preflight.run import run_preflight
from bots.queries.periods import Period, start_of
from bots.trading.vocabulary import Side
from marketdata.models import Instrument

MONEY: "DecimalField[Any, Any]" = DecimalField(max_digits=28, decimal_places=12)
MARKS = {"running": "▶", "paused": "❚❚", "stopped": "■", "error": "✕"}


class SessionInline(ReadOnlyInline):
    model = Session
    fields = ("started_at", "started_by", "ended_at", "end_reason")
    readonly_fields = fields
    verbose_name_plural = "Sessions"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Session]:
        return super().get_queryset(request).select_related("started_by", "bot")


@admin.register(Bot)
class BotAdmin(OwnedAdmin):
    form = BotForm
    list_display = ("name", "state_mark", "account", "symbols", "pnl_today", "open_positions", "last_decision", "owner")
    list_filter = ("state", "account__exchange", "evaluation", "ladder")
    list_select_related = ("account__exchange", "owner")
    search_fields = ("name", "description", "instruments__symbol", "account__name")
    filter_horizontal = ("instruments",)
    actions = ("start", "pause", "resume", "stop", "allow", "look")
    inlines = (SessionInline,)
    readonly_fields = ("state_mark", "state_reason", "ladder_mark", "preflight", "version", "created_at", "updated_at")
    fieldsets = (
        (None, {"fields": ("name", "description", "owner", "account", "instruments")}),
        (
            "State",
            {
                "fields": ("state_mark", "state_reason", "ladder_mark", "preflight"),
                "description": "Start, pause, resume and stop with the actions of the list, or on the dashboard.",
            },
        ),
        (
            "When it decides",
            {
                "fields": ("evaluation", "interval_s", "timeframes", "signal_storage"),
                "description": "Stops and targets are checked on every tick, whatever is chosen here.",
            },
        ),
        (
            "Signals",
            {
                "fields": (
                    "component_weights",
                    "disabled_strategies",
                    "strategy_weight_balance",
                    "use_diversification_multiplier",
                    "validator_enabled",
                    "minimum_confidence",
                    "minimum_coverage",
                    "edge_gate",
                    "second_source",
                ),
            },
        ),
        (
            "The market's mood",
            {
                "fields": ("adapt_to_regime", "regime_timeframes", "maximum_volatility"),
                "description": "The regime is told and recorded in any case; a bot acts on it only where this says so.",
            },
        ),
        (
            "Size",
            {"fields": ("order_type", "capital", "maximum_positions", "maximum_position_value")},
        ),
        (
            "Limits",
            {
                "fields": (
                    "stop_loss",
                    "take_profit",
                    "trailing_stop",
                    "daily_loss_limit",
                    "on_daily_loss",
                    "weekly_target",
                    "maximum_drawdown",
                    "on_drawdown",
                    "maximum_trades_per_day",
                    "maximum_entries_per_5_minutes",
                ),
                "description": "Fractions: 0.02 is 2 %. Limits hold over all symbols of the bot together.",
            },
        ),
        ("Record", {"fields": ("version", "created_at", "updated_at"), "classes": ("collapse",)}),
    )

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        # Staff own what they add; the model's checks want to know the owner before it is saved.
        return form if sees_everything(request.user) or obj else _with_owner(form, person(request))

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)
        if sees_everything(request.user):
            return fieldsets
        first, *rest = fieldsets
        return [(first[0], {"fields": [name for name in first[1]["fields"] if name != "owner"]}), *rest]

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        initial: dict[str, Any] = super().get_changeform_initial_data(request)
        return {"owner": person(request).pk} | initial

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "instruments":
            kwargs["queryset"] = Instrument.objects.filter(active=True).select_related("exchange")
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With figures of today, in one query beside those of the list itself."""
        today = start_of(Period.DAY, now=timezone.now())
        realised = Trade.objects.filter(bot=OuterRef("pk"), closed_at__gte=today).order_by().values("bot")
        gain = (F("mark_price") - F("entry_price")) * F("quantity")
        held = Position.objects.filter(bot=OuterRef("pk"), closed_at=None).order_by().values("bot")
        longs = held.annotate(total=Sum(gain, filter=Q(side=Side.BUY), output_field=MONEY)).values("total")
        shorts = held.annotate(total=Sum(gain, filter=Q(side=Side.SELL), output_field=MONEY)).values("total")
        decided = Decision.objects.filter(bot=OuterRef("pk")).order_by("-created_at")
        zero = 0 * F("capital")
        rows: QuerySet[Any] = (
            super()
            .get_queryset(request)
            .annotate(
                today=Coalesce(Subquery(realised.annotate(total=Sum("realised_pnl")).values("total")), zero)
                + Coalesce(Subquery(longs), zero)
                - Coalesce(Subquery(shorts), zero),
                held=Coalesce(Subquery(held.annotate(number=Count("pk")).values("number")), 0),
                decided_at=Subquery(decided.values("created_at")[:1]),
                decided_action=Subquery(decided.values("action")[:1]),
            )
            .prefetch_related("instruments")
        )
        return rows

    def has_delete_permission(self, request: HttpRequest, obj: Bot | None = None) -> bool:
        return super().has_delete_permission(request, obj) and (obj is None or not obj.is_active)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Bots are deleted one by one: what has traded cannot be, and running ones must be stopped first."""
        actions: dict[str, Any] = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    def save_model(self, request: HttpRequest, obj: Bot, form: Any, change: bool) -> None:
        if change and form.changed_data:
            obj.version += 1
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        bot, now = form.instance, timezone.now()
        if not change:
            audit(actor=person(request), action="bot.create", target=f"bot:{bot.pk}", at=now)
        elif form.changed_data:
            settings_changed(bot, actor=person(request), now=now, fields=form.changed_data)

    # --- Columns --------------------------------------------------------------------------------------------

    @admin.display(description="state", ordering="state")
    def state_mark(self, bot: Bot) -> str:
        return format_html(
            '<span class="state state-{}" title="{}">{} {}</span>',
            bot.state, bot.state_reason, MARKS.get(bot.state, ""), bot.get_state_display(),
        )  # fmt: skip

    @admin.display(description="restriction")
    def ladder_mark(self, bot: Bot) -> str:
        return f"{bot.get_ladder_display()} {bot.ladder_reason}".strip()

    @admin.display(description="symbols")
    def symbols(self, bot: Bot) -> str:
        symbols = [instrument.symbol for instrument in bot.instruments.all()]
        return ", ".join(symbols[:4]) + (f" and {len(symbols) - 4} more" if len(symbols) > 4 else "")

    @admin.display(description="PnL today", ordering="today")
    def pnl_today(self, bot: Any) -> str:
        return format_html('<span class="num">{} {}</span>', f"{bot.today:+,.2f}", bot.account.quote_asset)

    @admin.display(description="positions", ordering="held")
    def open_positions(self, bot: Any) -> int:
        return int(bot.held)

    @admin.display(description="last decision", ordering="decided_at")
    def last_decision(self, bot: Any) -> str:
        if bot.decided_at is None:
            return "none yet"
        return f"{bot.decided_action}, {timesince(bot.decided_at, depth=1)} ago"

    @admin.display(description="pre-flight")
    def preflight(self, bot: Bot) -> str:
        return last_preflight(bot)

    # --- Actions --------------------------------------------------------------------------------------------

    def act(self, request: HttpRequest, bots: QuerySet[Bot], verb: Verb, done: str) -> None:
        for bot in bots:
            try:
                reason = f"{person(request).get_username()} in the admin"
                act_on_bot(bot, verb, actor=person(request), now=timezone.now(), reason=reason)
            except Refused as refusal:
                self.message_user(request, str(refusal), messages.ERROR)
            else:
                self.message_user(request, f"{bot.name} {done}.", messages.SUCCESS)

    @admin.action(description="Start", permissions=["change"])
    def start(self, request: HttpRequest, queryset: QuerySet[Bot]) -> None:
        self.act(request, queryset, Verb.START, "is started: an engine takes it up within seconds")

    @admin.action(description="Pause entries (exits go on)", permissions=["change"])
    def pause(self, request: HttpRequest, queryset: QuerySet[Bot]) -> None:
        self.act(request, queryset, Verb.PAUSE, "is paused: no entries, exits go on")

    @admin.action(description="Resume", permissions=["change"])
    def resume(self, request: HttpRequest, queryset: QuerySet[Bot]) -> None:
        self.act(request, queryset, Verb.RESUME, "is resumed")

    @admin.action(description="Stop (open positions keep their stops)", permissions=["change"])
    def stop(self, request: HttpRequest, queryset: QuerySet[Bot]) -> None:
        self.act(request, queryset, Verb.STOP, "is stopped")

    @admin.action(description="Allow entries again after a limit or a person restricted it", permissions=["change"])
    def allow(self, request: HttpRequest, queryset: QuerySet[Bot]) -> None:
        self.act(request, queryset, Verb.CLEAR, "may enter again: drawdown and repeats are measured from now")

    @admin.action(description="Pre-flight: is all well for it to trade", permissions=["change"])
    def look(self, request: HttpRequest, queryset: QuerySet[Bot]) -> None:
        for bot in queryset.select_related("account__exchange"):
            run = run_preflight(bot=bot, actor=person(request), now=timezone.now())
            found = [row["name"] for row in run.results if row["level"] != Level.OK]
            said = f"{bot.name}: all is well." if not found else f"{bot.name}: look at {', '.join(found)} on its page."
            self.message_user(request, said, messages.SUCCESS if run.passed else messages.ERROR)


def _with_owner(form: Any, owner: Any) -> Any:
    """The form class with its owner filled in."""

    class OwnForm(form):  # type: ignore[misc]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, owner=owner, **kwargs)

    return OwnForm


@admin.register(Session)
class SessionAdmin(ReadOnlyAdmin):
    list_display = ("bot", "started_at", "started_by", "ended_at", "end_reason")
    list_filter = ("started_at",)
    list_select_related = ("bot", "started_by")
    search_fields = ("bot__name",)


@admin.register(BotLease)
class BotLeaseAdmin(ReadOnlyAdmin):
    list_display = ("bot", "holder", "epoch", "expires_at")
    list_select_related = ("bot",)
    search_fields = ("bot__name", "holder")
