"""Alice's accounts at venues, and a venue that answers what a test wants."""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from bots.brokers.account import VenueAccount
from bots.brokers.venue import KeyScope, VenueBalance, VenueUnavailable
from bots.credentials.secrets import Secrets
from bots.models import Account, Mode, User
from bots.operations.create_account import create_account
from marketdata.models import Environment, Exchange

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
CANARY = "canary7f3a"
SECRETS = Secrets(api_key=f"{CANARY}key", secret=f"{CANARY}secret", password=f"{CANARY}password")


def make_exchange(environment: Environment = Environment.LIVE, **fields: Any) -> Exchange:
    return Exchange.objects.get_or_create(
        code=f"binance-{environment.value}",
        defaults={"name": f"Binance {environment.value}", "adapter": "binance", "environment": environment} | fields,
    )[0]


def make_account(owner: User, name: str = "Real", mode: Mode = Mode.LIVE, secrets: Secrets = SECRETS) -> Account:
    return create_account(
        owner=owner,
        name=name,
        exchange=make_exchange(Environment.LIVE if mode == Mode.LIVE else Environment.TESTNET),
        opening_cash=Decimal(0),
        actor=owner,
        now=NOW,
        secrets=secrets,
        mode=mode,
    )


@dataclass
class SaidVenue:
    """Answers from a table; an exception in place of an answer is raised."""

    offset_ms: Any = 5.0
    told_scope: Any = field(default_factory=lambda: KeyScope(can_trade=True, can_withdraw=False, is_ip_bound=True))
    told_balances: Any = (VenueBalance(asset="USDT", total=Decimal(5000), free=Decimal(4000)),)
    asked_with: list[VenueAccount] = field(default_factory=list)
    closed: int = 0

    async def connect(self, account: VenueAccount) -> Any:
        self.asked_with.append(account)
        if isinstance(self.offset_ms, Exception):
            raise self.offset_ms
        return self

    async def venue_time_ns(self) -> int:
        return time.time_ns() + int(self.offset_ms * 1e6)

    async def scope(self) -> KeyScope:
        return self._or_raise(self.told_scope)

    async def balances(self) -> Any:
        return self._or_raise(self.told_balances)

    async def close(self) -> None:
        self.closed += 1

    @staticmethod
    def _or_raise(answer: Any) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer


AWAY = VenueUnavailable("connection refused")
