"""The form of an account: what each mode asks for, and its API key, which goes in and never comes out."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.views.decorators.debug import sensitive_variables

from bots.admin.forms import show_readably
from bots.credentials.keys import BadKeys, keyring
from bots.credentials.secrets import Secrets
from bots.models import Account, Mode, User
from bots.operations.account_rules import MAX_LENGTH, check_account, secrets_errors, tidy

if TYPE_CHECKING:
    AccountModelForm = forms.ModelForm[Account]
else:
    AccountModelForm = forms.ModelForm

KEY_FIELDS = ("api_key", "secret", "password")


class KeyField(forms.CharField):
    """Typed or pasted, never shown again, not even after an error elsewhere in the form."""

    widget = forms.PasswordInput(render_value=False, attrs={"autocomplete": "off", "spellcheck": "false", "size": 60})

    def __init__(self, **options: Any) -> None:
        super().__init__(**({"required": False, "max_length": MAX_LENGTH, "strip": True} | options))


class AccountForm(AccountModelForm):
    """An account's fields explained. `actor` is who fills it in; `secrets` what was typed, after cleaning."""

    actor: User | None = None

    api_key = KeyField(label="API key", help_text="As the venue shows it when the key is made.")
    secret = KeyField(
        label="Secret", help_text="The venue shows it only once. A private key may be pasted as one line."
    )
    password = KeyField(label="Passphrase", help_text="Only where the venue has one, e.g. KuCoin; else empty.")

    class Meta:
        model = Account
        exclude = ("ladder", "ladder_reason")
        help_texts = {
            "owner": "Only the owner and superusers see the account, its bots and what they do; only the owner gives it "
            "an API key.",
            "name": "As it is called where bots choose it; once per owner.",
            "exchange": "Whose market its bots trade on. Fixed once the account is there.",
            "mode": "Paper: orders are matched here against the exchange's live book, and no money moves. Sandbox: they "
            "go to the exchange's test environment. Live: real money. Fixed once the account is there.",
            "quote_asset": "What its cash is in, e.g. USDT. Its bots trade symbols priced in it. Fixed once the account "
            "is there.",
            "opening_cash": "In the quote asset; the first entry of its journal. Fixed once the account is there.",
            "maker_fee_bps": "Of fills of a resting order, in basis points: 10 is 0.1 %. Below 0 is a rebate. Sandbox and "
            "live: what is reckoned with beforehand; what is booked is what the venue charged.",
            "taker_fee_bps": "Of fills of an order that takes what is on offer, in basis points: 10 is 0.1 %.",
            "latency_ms": "Paper only: milliseconds from the order to the moment it meets the book.",
        }
        labels = {
            "opening_cash": "Opening cash (quote asset)",
            "maker_fee_bps": "Maker fee (basis points)",
            "taker_fee_bps": "Taker fee (basis points)",
            "latency_ms": "Latency (milliseconds)",
            "daily_loss_limit": "Daily loss limit (fraction of the equity)",
            "maximum_drawdown": "Maximum drawdown (fraction of the equity)",
            "on_daily_loss": "At the daily loss limit",
            "on_drawdown": "At the maximum drawdown",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in {"on_daily_loss", "on_drawdown"} & set(self.fields):
            # Left out it stays as it is.
            self.fields[name].required = False
        self.secrets: Secrets | None = None
        if self.instance.pk and "api_key" in self.fields:
            self.fields["api_key"].label = "New API key"
        show_readably(self)

    def full_clean(self) -> None:
        super().full_clean()
        if self.errors and self.secrets is not None and not set(KEY_FIELDS) & set(self.errors):
            self.add_error("api_key", "Give key and secret again: they are not kept while something else is wrong.")

    @sensitive_variables()
    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        typed = {name: cleaned.pop(name, "") for name in KEY_FIELDS}
        if any(typed.values()):
            self.secrets = tidy(Secrets(**typed))
            try:
                keyring()
            except BadKeys as error:
                self.add_error("api_key", f"It cannot be sealed: {error}")
        if self.instance.pk:
            self._check_replacement()
        elif cleaned.get("mode") and cleaned.get("exchange"):
            self._check_new(cleaned)
        return cleaned

    def _check_new(self, cleaned: dict[str, Any]) -> None:
        if cleaned["mode"] != Mode.PAPER:
            # The field is hidden then, and carries what it began with.
            cleaned["opening_cash"] = 0
        account = Account(
            owner=cleaned.get("owner") or self.actor,
            mode=cleaned["mode"],
            exchange=cleaned["exchange"],
            opening_cash=cleaned.get("opening_cash") or 0,
        )
        try:
            check_account(account, self.secrets, actor=self.actor)
        except forms.ValidationError as errors:
            for name, texts in errors.message_dict.items():
                self.add_error(name, texts)

    def _check_replacement(self) -> None:
        if self.secrets is None:
            return
        if self.instance.mode == Mode.PAPER:
            self.add_error(None, "A paper account has no API key.")
        elif self.actor is None or self.actor.pk != self.instance.owner_id:
            self.add_error(None, "Only the account's owner gives it an API key.")
        else:
            for name, text in secrets_errors(self.secrets).items():
                self.add_error(name, text)
