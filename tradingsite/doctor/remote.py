"""Checks of the servers that the settings name: does each answer, and can its answer be believed."""

import time

from asgiref.sync import async_to_sync

from quant.remote.configured import ask_once
from quant.remote.transport import Health
from tradingsite.doctor.finding import Finding, fine, warning

GUIDE = "docs/quant-service.md explains the reason; without it the built-in signals are used."


def check_remote_services() -> list[Finding]:
    """QUANT_URL, ML_SERVICE_URL and RL_SERVICE_URL, those that are set: each is asked one question."""
    return [finding_of(health) for health in async_to_sync(ask_once)(now_ns=time.time_ns())]


def finding_of(health: Health) -> Finding:
    check = f"{health.service} server"
    if health.reason:
        return warning(check, f"{health.address}: {health.reason}", GUIDE)
    return fine(check, f"{health.address} answers in {health.latency_ms or 0:.0f} ms")
