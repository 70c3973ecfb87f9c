"""Give an account its API key, or another one."""

from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.views.decorators.debug import sensitive_variables

from bots.credentials.keys import BadKeys
from bots.credentials.secrets import Secrets
from bots.credentials.vault import seal
from bots.models import Account, AccountCredentials, Bot, BotState, Mode, User
from bots.operations.account_rules import require_owner, secrets_errors, tidy
from bots.operations.refusals import Refused
from bots.operations.speak import audit, nudge_engines


class CannotSetCredentials(Refused):
    """The account takes none, or they cannot be sealed here."""


@sensitive_variables()
@transaction.atomic
def set_credentials(*, account_id: int, secrets: Secrets, actor: User, now: datetime) -> AccountCredentials:
    """Seal and store; what was there is forgotten, engines connect anew.

    Raises ValidationError by field, CannotSetCredentials, NotTheOwner.
    """
    account = Account.objects.select_for_update(of=("self",), no_key=True).get(pk=account_id)
    require_owner(account, actor)
    if account.mode == Mode.PAPER:
        raise CannotSetCredentials(f"{account.name} is a paper account: it has no API key.")
    secrets = tidy(secrets)
    if errors := secrets_errors(secrets):
        raise ValidationError(errors)
    try:
        sealed = seal(account.pk, secrets, owner_id=account.owner_id)
    except BadKeys as error:
        raise CannotSetCredentials(str(error)) from None
    row, created = AccountCredentials.objects.update_or_create(
        account=account,
        defaults={
            "sealed": sealed.text, "key_id": sealed.key_id, "set_at": now, "sealed_at": now, "checked_at": None,
            "check_error": "", "can_trade": None, "can_withdraw": None, "is_ip_bound": None,
        },
    )  # fmt: skip
    audit(
        actor=actor,
        action="account.credentials." + ("set" if created else "replace"),
        target=f"account:{account.pk}",
        at=now,
        sealed_with=sealed.key_id,
    )
    for bot_id in Bot.objects.filter(account=account).exclude(state=BotState.STOPPED).values_list("pk", flat=True):
        nudge_engines(f"bot:{bot_id}")
    return row
