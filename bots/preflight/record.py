"""What a bot's strategy has done on paper: trades of its owner's bots with the same settings."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from django.db.models import Count, Min, Q, Sum

from bots.models import AuditEntry, Bot, Mode, Trade
from bots.preflight.facts import PaperRecord

# What decides when it enters and leaves; not how much, nor within which limits.
STRATEGY = (
    "evaluation", "interval_s", "timeframes", "component_weights", "disabled_strategies", "strategy_weight_balance",
    "use_diversification_multiplier", "validator_enabled", "minimum_confidence", "minimum_coverage", "edge_gate",
    "adapt_to_regime", "regime_timeframes", "maximum_volatility", "order_type", "stop_loss", "take_profit",
    "trailing_stop",
)  # fmt: skip


def paper_record(bot: Bot, symbols: Iterable[str], *, now: datetime) -> PaperRecord:
    """Closed paper trades in `symbols` since the settings are what they are. A change of settings begins anew."""
    alike = [other for other in Bot.objects.filter(owner=bot.owner_id) if _settings(other) == _settings(bot)]
    since = last_changes(other.pk for other in alike)
    theirs = Q(pk__in=[])
    for other in alike:
        began = since.get(other.pk, other.created_at)
        theirs |= Q(bot=other, opened_at__gte=began)
    found = (
        Trade.objects.filter(theirs, position__account__mode=Mode.PAPER, instrument__symbol__in=list(symbols))
        .order_by()
        .aggregate(trades=Count("pk"), first=Min("opened_at"), pnl=Sum("realised_pnl"))
    )
    days = (now - found["first"]).total_seconds() / 86_400 if found["first"] else 0.0
    return PaperRecord(
        trades=found["trades"],
        days=days,
        pnl=round(found["pnl"] or Decimal(0), 2),
        quote=bot.account.quote_asset,
    )


def last_changes(bot_ids: Iterable[int]) -> dict[int, datetime]:
    """When the strategy of each bot was edited last; bots that never were are missing."""
    targets = {f"bot:{bot_id}": bot_id for bot_id in bot_ids}
    edits = AuditEntry.objects.filter(action="bot.edit", target__in=list(targets)).order_by("at")
    return {targets[edit.target]: edit.at for edit in edits if set(STRATEGY) & set(edit.detail.get("fields", ()))}


def _settings(bot: Bot) -> list[object]:
    return [getattr(bot, name) for name in STRATEGY]
