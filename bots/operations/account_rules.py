"""What an account must be, by its mode: shared by the doors that open one."""

from collections.abc import Mapping

from django.core.exceptions import ValidationError

from bots.credentials.secrets import Secrets
from bots.models import Account, Mode, User
from bots.operations.refusals import Refused
from marketdata.models import Environment

MAX_LENGTH = 4096
VENUE_MODES = (Mode.SANDBOX, Mode.LIVE)


class NotTheOwner(Refused):
    """Keys and real money are the owner's affair, whoever else manages the installation."""


def require_owner(account: Account, actor: User) -> None:
    """Raises NotTheOwner."""
    if actor.pk != account.owner_id:
        raise NotTheOwner(f"Only the owner of {account.name} may do that; others can restrict it with the kill switch.")


def tidy(secrets: Secrets) -> Secrets:
    """As pasted by people, made as the venue gave it: without space around, a PEM key with its lines."""
    return Secrets(
        api_key=secrets.api_key.strip(), secret=_with_lines(secrets.secret.strip()), password=secrets.password.strip()
    )


def secrets_errors(secrets: Secrets) -> dict[str, str]:
    """By field, never with a value in them."""
    errors = {}
    for name, value in (("api_key", secrets.api_key), ("secret", secrets.secret), ("password", secrets.password)):
        lines = value.split("\n") if name == "secret" else [value]
        if not value and name != "password":
            errors[name] = "Give the key and the secret together, as the venue showed them."
        elif len(value) > MAX_LENGTH:
            errors[name] = f"Longer than {MAX_LENGTH} characters: that is not what the venue gave."
        elif not all(line.isprintable() for line in lines):
            errors[name] = "There are invisible characters in it: copy it again from the venue."
    return errors


def mode_errors(account: Account) -> dict[str, str]:
    """Why an account cannot have its mode, by field. Needs `exchange`."""
    environment = account.exchange.environment
    if account.mode == Mode.LIVE and environment != Environment.LIVE:
        what = account.exchange.get_environment_display()
        return {"exchange": f"{account.exchange} is a {what}: real money needs an exchange whose environment is live."}
    if account.mode == Mode.SANDBOX and environment == Environment.LIVE:
        return {
            "exchange": f"{account.exchange} is live: a sandbox account needs one whose environment is testnet or "
            "simulated, because its bots decide on the prices of the exchange that they trade on."
        }
    if account.mode in VENUE_MODES and account.opening_cash:
        return {"opening_cash": "Its cash is what the venue says it holds: leave this at 0."}
    return {}


def check_account(account: Account, secrets: Secrets | None, *, actor: User | None) -> None:
    """Raises ValidationError by field where an account that is about to be made cannot be."""
    errors: dict[str, str] = mode_errors(account)
    if account.mode in VENUE_MODES and secrets is None:
        errors["api_key"] = f"A {account.mode} account needs an API key of {account.exchange}; paper needs none."
    elif account.mode in VENUE_MODES and secrets is not None:
        errors |= secrets_errors(tidy(secrets))
        if actor is None or actor.pk != account.owner_id:
            errors["mode"] = "Only its owner opens an account with an API key: sign in as the owner."
    elif secrets is not None:
        errors["api_key"] = "A paper account has no API key: leave it empty, or choose sandbox or live."
    if errors:
        raise ValidationError(_as_lists(errors))


def _as_lists(errors: Mapping[str, str]) -> dict[str, list[str]]:
    return {name: [text] for name, text in errors.items()}


def _with_lines(secret: str) -> str:
    """A private key whose lines were lost in a one-line field, or are spelt out as in JSON."""
    secret = secret.replace("\\n", "\n").strip()
    if not secret.startswith("-----BEGIN") or "\n" in secret:
        return secret
    head, _, rest = secret.removeprefix("-----").partition("-----")
    body, _, foot = rest.partition("-----")
    lines = ["".join(body.split())[at : at + 64] for at in range(0, len("".join(body.split())), 64)]
    return "\n".join([f"-----{head}-----", *lines, f"-----{foot.strip('- ')}-----", ""])
