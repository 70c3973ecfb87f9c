"""The servers that the settings name."""

from django.conf import settings

from quant.reading import Component
from quant.remote.client import QuantClient
from quant.remote.transport import Terms
from quant.remote.voter import RemoteVoter


def quant_client() -> QuantClient | None:
    """The client of QUANT_URL, or None without one."""
    return QuantClient(settings.QUANT_URL, terms=_terms(settings.QUANT_TOKEN)) if settings.QUANT_URL else None


def remote_voters() -> dict[Component, RemoteVoter]:
    """The voters of ML_SERVICE_URL and RL_SERVICE_URL, those that are set."""
    urls = {Component.MODEL: settings.ML_SERVICE_URL, Component.POLICY: settings.RL_SERVICE_URL}
    return {component: RemoteVoter(component, url, terms=_terms()) for component, url in urls.items() if url}


def _terms(token: str = "") -> Terms:
    return Terms(timeout_ms=settings.QUANT_TIMEOUT_MS, attempts=settings.QUANT_RETRY_COUNT, token=token)
