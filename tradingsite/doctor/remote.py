"""Checks of the servers that the settings name: does each answer, and can its answer be believed."""

import time

from asgiref.sync import async_to_sync
from redis import RedisError

from quant.remote.configured import ask_once
from quant.remote.status import read_health
from quant.remote.transport import Health
from tradingsite.doctor.finding import Finding, fine, warning

GUIDE = "docs/quant-service.md explains the reason; without it the built-in signals are used."


def check_remote_services() -> list[Finding]:
    """QUANT_URL, ML_SERVICE_URL and RL_SERVICE_URL, those that are set: each is asked one question.

    Of those that are set for a running engine only, what it tells.
    """
    told = _told()
    asked = async_to_sync(ask_once)(now_ns=time.time_ns())
    services = {health.service for health in asked}
    return [finding_of(health) for health in (*asked, *(other for other in told if other.service not in services))]


def _told() -> list[Health]:
    try:
        return read_health()
    except RedisError:
        # Another check says that it is away.
        return []


def finding_of(health: Health) -> Finding:
    check = f"{health.service} server"
    if health.reason:
        return warning(check, f"{health.address}: {health.reason}", GUIDE)
    return fine(check, f"{health.address} answers in {health.latency_ms or 0:.0f} ms")
