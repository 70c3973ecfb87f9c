"""What a key may do, where the venue tells."""

from typing import Any

from bots.brokers.ccxt.dialects import Dialect
from bots.brokers.venue import KeyScope

_UNTOLD = KeyScope(can_trade=None, can_withdraw=None)


async def key_scope(exchange: Any, dialect: Dialect, *, has_sapi: bool) -> KeyScope:
    """Raises what ccxt raises. `has_sapi`: a live Binance, whose testnets have no such request."""
    match dialect.ccxt_id:
        case "binance" | "binanceusdm":
            is_futures = dialect.ccxt_id == "binanceusdm"
            return await _binance(exchange, is_futures=is_futures, has_sapi=has_sapi)
        case "kucoin" | "kucoinfutures":
            data = (await exchange.privateGetUserApiKey())["data"]
            allowed = {word.strip().lower() for word in str(data.get("permission", "")).split(",")}
            kind = "futures" if dialect.ccxt_id == "kucoinfutures" else "spot"
            return KeyScope(
                can_trade=bool(allowed & {kind, "trade", "unified"}),
                can_withdraw=bool(allowed & {"withdrawal", "transfer"}),
                is_ip_bound=bool(data.get("ipWhitelist")),
            )
        case "coinbase":
            data = await exchange.v3PrivateGetBrokerageKeyPermissions()
            return KeyScope(can_trade=_told(data, "can_trade"), can_withdraw=_told(data, "can_transfer"))
    return _UNTOLD


async def _binance(exchange: Any, *, is_futures: bool, has_sapi: bool) -> KeyScope:
    if has_sapi:
        data = await exchange.sapiGetAccountApiRestrictions()
        trading = "enableFutures" if is_futures else "enableSpotAndMarginTrading"
        return KeyScope(
            can_trade=_told(data, trading),
            can_withdraw=_told(data, "enableWithdrawals"),
            is_ip_bound=_told(data, "ipRestrict"),
        )
    data = await (exchange.fapiPrivateV2GetAccount() if is_futures else exchange.privateGetAccount())
    # The account's own permissions: a key cannot do what its account cannot.
    can_withdraw = _told(data, "canWithdraw")
    return KeyScope(can_trade=_told(data, "canTrade"), can_withdraw=None if can_withdraw else can_withdraw)


def _told(data: Any, name: str) -> bool | None:
    value = data.get(name) if isinstance(data, dict) else None
    return value if isinstance(value, bool) else None
