"""Ask for the evidence of signals to be computed now, before its hour."""

import structlog
from celery import current_app
from django.core.cache import cache
from kombu.exceptions import OperationalError

from bots.models import User

log = structlog.get_logger(__name__)

TASK = "quant.compute_evidence"
ASKED = "evidence:asked"
# Longer than most computations take; the task itself makes sure that only one runs.
ONCE_IN_S = 60
DROPPED_AFTER_S = 1800


class BrokerAway(Exception):
    """Redis does not answer, so that no task can be asked for."""


def compute_evidence(*, actor: User) -> bool:
    """Ask the jobs worker; false where somebody asked within the last minute. Raises BrokerAway."""
    if not cache.add(ASKED, actor.pk, ONCE_IN_S):
        return False
    try:
        current_app.send_task(TASK, queue="jobs", expires=DROPPED_AFTER_S, retry=False)
    except OperationalError as error:
        cache.delete(ASKED)
        raise BrokerAway(str(error)) from error
    log.info("evidence.asked", actor=actor.get_username())
    return True
