"""Forms with checks that need the related rows."""

from typing import TYPE_CHECKING, Any

from django import forms

from bots.models import Bot

if TYPE_CHECKING:
    BotModelForm = forms.ModelForm[Bot]
else:
    BotModelForm = forms.ModelForm


class BotForm(BotModelForm):
    """A bot's watchlist lies on its account's exchange and in its quote asset."""

    class Meta:
        model = Bot
        exclude = ("state", "ladder")

    def __init__(self, *args: Any, owner: Any = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if owner is not None and not self.instance.owner_id:
            self.instance.owner = owner

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
        if "account" in self.changed_data and self.instance.pk and self.instance.is_active:
            self.add_error("account", f"The bot is {self.instance.state}: stop it before moving it.")
        return cleaned
