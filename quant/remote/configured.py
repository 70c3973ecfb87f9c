"""The servers that the settings name."""

from collections.abc import Callable, Coroutine
from typing import Any

from django.conf import settings

from marketdata.events import Bar
from quant.reading import Component
from quant.remote.client import QuantClient
from quant.remote.status import tell_health
from quant.remote.transport import Health, Terms
from quant.remote.voter import RemoteVoter

PROBE = "BTC/USDT"
MINUTE_NS = 60_000_000_000

Tell = Callable[[Health], Coroutine[Any, Any, None]]


def quant_client(tell: Tell | None = tell_health) -> QuantClient | None:
    """The client of QUANT_URL, or None without one."""
    if not settings.QUANT_URL:
        return None
    return QuantClient(settings.QUANT_URL, terms=_terms(settings.QUANT_TOKEN), tell=tell)


def remote_voters(tell: Tell | None = tell_health) -> dict[Component, RemoteVoter]:
    """The voters of ML_SERVICE_URL and RL_SERVICE_URL, those that are set."""
    urls = {Component.MODEL: settings.ML_SERVICE_URL, Component.POLICY: settings.RL_SERVICE_URL}
    return {component: RemoteVoter(component, url, terms=_terms(), tell=tell) for component, url in urls.items() if url}


async def ask_once(*, now_ns: int) -> list[Health]:
    """Ask each of them one question, an hour of candles that stand still or no features; gives how it went.

    Nobody else is told: what others read is how the engine's own calls go.
    """
    client, voters = quant_client(tell=None), remote_voters(tell=None)
    healths = []
    if client is not None:
        await client.signals(PROBE, _still(now_ns), now_ns)
        healths.append(client.health)
        await client.close()
    for voter in voters.values():
        await voter.vote(PROBE, {}, now_ns)
        healths.append(voter.health)
        await voter.close()
    return healths


def _still(now_ns: int) -> list[Bar]:
    first = now_ns - now_ns % MINUTE_NS - 60 * MINUTE_NS
    return [
        Bar(
            exchange="", symbol=PROBE, timeframe="1m", ts_open=ts, ts_close=ts + MINUTE_NS, open=100.0, high=100.0,
            low=100.0, close=100.0, volume=1.0, taker_buy_volume=None, trades=1,
        )
        for ts in range(first, first + 60 * MINUTE_NS, MINUTE_NS)
    ]  # fmt: skip


def _terms(token: str = "") -> Terms:
    return Terms(timeout_ms=settings.QUANT_TIMEOUT_MS, attempts=settings.QUANT_RETRY_COUNT, token=token)
