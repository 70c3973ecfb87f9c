"""Telling people what the monitor found, at most once a minute for each position."""

from datetime import datetime

import structlog
from django.core.cache import cache

from bots.broadcast import publish_sync
from bots.monitor.watched import Watched
from bots.operations.speak import audit

log = structlog.get_logger(__name__)

QUIET_S = 60


def alarm(watched: Watched, code: str, text: str, *, at: datetime) -> bool:
    """Log, audit and alert the owner; false where the same was said within a minute."""
    position = watched.position
    if not cache.add(f"monitor:said:{code}:{position.position_id}", 1, QUIET_S):
        return False
    log.warning(
        "[RISK MANAGER] monitor", code=code, bot=watched.bot_name, symbol=watched.rules.symbol,
        position=position.position_id, text=text,
    )  # fmt: skip
    audit(
        actor=None, action=f"monitor.{code}", target=f"position:{position.position_id}", at=at,
        bot_id=position.bot_id, text=text,
    )  # fmt: skip
    data = {"level": "error", "code": code, "text": text, "bot_id": position.bot_id}
    publish_sync(watched.owner_id, "alert", data)
    return True
