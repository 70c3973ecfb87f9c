"""Forms with checks that need the related rows."""

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django import forms

from bots.models import Bot
from bots.models.bot import default_component_weights
from bots.operations.edit_bot import why_it_stays

if TYPE_CHECKING:
    BotModelForm = forms.ModelForm[Bot]
else:
    BotModelForm = forms.ModelForm


class _Indented(json.JSONEncoder):
    """A line for each name: weights are read in a column."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**(options | {"indent": 2}))


def show_readably(form: "forms.BaseModelForm[Any]") -> None:
    """Numbers without the zeros of their column, JSON in lines."""
    for name, field in form.fields.items():
        value = form.initial.get(name)
        if isinstance(value, Decimal) and value.is_finite():
            form.initial[name] = Decimal(f"{value.normalize():f}")
        if isinstance(field, forms.JSONField):
            field.encoder = _Indented
            field.widget.attrs |= {"rows": min(12, 3 + len(value or ())), "cols": 40, "spellcheck": "false"}


class BotForm(BotModelForm):
    """A bot's watchlist lies on its account's exchange and in its quote asset."""

    class Meta:
        model = Bot
        exclude = ("state", "ladder")
        help_texts = {
            "name": "As it is called on the live page and in commands.",
            "description": "For people: what it is for.",
            "owner": "Only the owner and superusers see the bot and what it does.",
            "account": "Where its money is, and whether that is paper. None there yet? Add one with +.",
            "evaluation": "How often it decides whether to enter or to leave.",
            "timeframes": 'Bars behind the technical signal and their weights, e.g. {"1m": 1, "5m": 0.5}. '
            "Known: 1m, 3m, 5m, 15m, 30m, 1h, 4h, 1d.",
            "signal_storage": "What is kept of its signals to look at later; decisions behind orders always are.",
            "component_weights": "Weight of each signal relative to the others, from 0 to 100; 0 disables it. As JSON, "
            'e.g. {"technical": 0.4, "speed": 0.3, "microstructure": 0.3}. The weight of a signal '
            "without data is shared out among the rest. model and policy are learned ones: a model in canary has a "
            "quarter of its weight, one in shadow none.",
            "disabled_strategies": "Names of signals (technical, speed, microstructure, open_interest, options_flow, "
            "sentiment, volatility, model, policy) and of strategies within technical (trend, momentum, mean_reversion, "
            'volume, liquidity, smart_money) that this bot leaves out, e.g. ["mean_reversion"]. []: all are on.',
            "minimum_confidence": "From 0 to 1: it enters only above this. Lower is busier; 0.25 is cautious.",
            "minimum_coverage": "From 0 to 1: the share of the weights that must have data before it decides by them.",
            "order_type": "Of entries. Exits are always market orders.",
            "maximum_positions": "Open at once, over all its symbols.",
            "maximum_position_value": "Of one position, in the account's quote asset; at most the capital.",
            "stop_loss": "Below the entry price (above it for a short), checked on every tick.",
            "take_profit": "Above the entry price (below it for a short); 0: none.",
            "trailing_stop": "Behind the best price since the entry; 0: none.",
            "daily_loss_limit": "Of the capital, since 00:00 UTC. Reached: no entries today; 0: no limit.",
            "weekly_target": "Of the capital, since Monday 00:00 UTC. Reached: no entries until next week; empty: none.",
            "maximum_drawdown": "From the best equity so far. Reached: exits only.",
            "maximum_trades_per_day": "Entries since 00:00 UTC; then no more until the next day.",
        }
        labels = {
            "interval_s": "Interval (seconds)",
            "capital": "Capital (quote asset)",
            "maximum_position_value": "Maximum position value (quote asset)",
            "stop_loss": "Stop loss (fraction of the price)",
            "take_profit": "Take profit (fraction of the price)",
            "trailing_stop": "Trailing stop (fraction of the price)",
            "daily_loss_limit": "Daily loss limit (fraction of the capital)",
            "weekly_target": "Weekly target (fraction of the capital)",
            "maximum_drawdown": "Maximum drawdown (fraction of the equity)",
            "on_daily_loss": "At the daily loss limit",
            "on_drawdown": "At the maximum drawdown",
        }

    def __init__(self, *args: Any, owner: Any = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in {"on_daily_loss", "on_drawdown"} & set(self.fields):
            # Left out it stays as it is.
            self.fields[name].required = False
        if owner is not None and not self.instance.owner_id:
            self.instance.owner = owner
        weights = self.initial.get("component_weights")
        if isinstance(weights, dict):
            # The database keeps no order.
            known = {name: weights[name] for name in default_component_weights() if name in weights}
            self.initial["component_weights"] = known | weights
        show_readably(self)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        account, instruments = cleaned.get("account"), cleaned.get("instruments")
        if account is None or instruments is None:
            return cleaned
        for instrument in instruments.select_related("exchange"):
            if instrument.exchange_id != account.exchange_id:
                self.add_error("instruments", f"{instrument} is not on {account.exchange}, where {account.name} is.")
            elif instrument.quote != account.quote_asset:
                self.add_error(
                    "instruments",
                    f"{instrument.symbol} is priced in {instrument.quote}, account {account.name} in "
                    f"{account.quote_asset}.",
                )
            elif not instrument.active:
                self.add_error("instruments", f"{instrument} is not traded any more.")
        if "account" in self.changed_data and self.instance.pk and (why := why_it_stays(self.instance)):
            self.add_error("account", why)
        return cleaned
