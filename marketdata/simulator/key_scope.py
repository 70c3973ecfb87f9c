"""What an API key may do now, and the nonces it used."""

import time

from marketdata.simulator.errors import VenueError
from marketdata.simulator.fault_catalog import Fault
from marketdata.simulator.faults import Faults
from marketdata.simulator.orders import Account


class KeyScope:
    """The scope of every key: reading and trading from bound addresses, unless a fault changed it."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._last_ms: dict[int, int] = {}

    def _kind(self) -> str:
        change = self._faults.lasting(Fault.KEY_CHANGE, time.monotonic())
        return change.kind if change else ""

    def check(self, *, is_order: bool) -> None:
        """Raises -2015 for what the key may not."""
        kind = self._kind()
        if kind == "revoked" or (kind == "read_only" and is_order):
            raise VenueError(-2015, "Invalid API-key, IP, or permissions for action.", status=401)

    def check_nonce(self, account: Account, timestamp_ms: int) -> None:
        """Raises -1021 while nonces are strict and this one is not above the last."""
        last_ms = self._last_ms.get(account.id, 0)
        self._last_ms[account.id] = max(last_ms, timestamp_ms)
        if timestamp_ms <= last_ms and self._faults.lasting(Fault.STRICT_NONCE, time.monotonic()) is not None:
            raise VenueError(-1021, f"Timestamp for this request is not above the last one, {last_ms}.")

    def restrictions(self, *, created_ms: int) -> dict[str, object]:
        """GET /sapi/v1/account/apiRestrictions."""
        kind = self._kind()
        return {
            "ipRestrict": kind != "unbound",
            "createTime": created_ms,
            "enableReading": True,
            "enableWithdrawals": kind == "withdraw",
            "enableInternalTransfer": kind == "withdraw",
            "enableMargin": False,
            "enableFutures": kind != "read_only",
            "permitsUniversalTransfer": False,
            "enableVanillaOptions": False,
            "enableFixApiTrade": False,
            "enableFixReadOnly": False,
            "enableSpotAndMarginTrading": kind != "read_only",
            "enablePortfolioMarginTrading": False,
        }
