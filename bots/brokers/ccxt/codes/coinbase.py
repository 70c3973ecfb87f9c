"""Coinbase Advanced Trade: {"success": false, "error_response": {...}} with 200, {"error": "INVALID_ARGUMENT"} with 4xx.

Source: docs.cdp.coinbase.com, "Create Order" (enum NewOrderFailureReason) and "Cancel Orders" (CancelOrderFailureReason).
"""

from typing import Any

from bots.brokers.ccxt.codes.table import CodeTable, Said

_VAGUE = frozenset({"", "UNKNOWN_FAILURE_REASON", "UNKNOWN_PREVIEW_FAILURE_REASON", "UNKNOWN_CREATE_ORDER_ERROR"})


def _read(body: Any) -> list[Said]:
    if not isinstance(body, dict):
        return []
    found = []
    failure = body.get("error_response")
    if isinstance(failure, dict):
        found.append(_failure(failure))
    elif body.get("success") is False:
        found.append(Said(code=str(body.get("failure_reason", "")), text="refused without a response"))
    if isinstance(body.get("error"), str):
        found.append(Said(code=body["error"], text=str(body.get("message") or body.get("error_details") or "")))
    results = body.get("results")
    for result in results if isinstance(results, list) else ():
        if isinstance(result, dict) and result.get("success") is False:
            found.append(Said(code=str(result.get("failure_reason", "")), text=str(result.get("order_id", ""))))
    return found


def _failure(failure: dict[str, Any]) -> Said:
    """The first of its reasons that says something."""
    names = ("error", "new_order_failure_reason", "preview_failure_reason")
    reasons = [str(failure.get(name) or "") for name in names]
    code = next((reason for reason in reasons if reason not in _VAGUE), reasons[0])
    return Said(code=code, text=str(failure.get("message") or failure.get("error_details") or ""))


# Not here: UNKNOWN_FAILURE_REASON and its like, INTERNAL, and DUPLICATE_CLIENT_ORDER_ID, whose order exists.
TABLE = CodeTable(
    read=_read,
    refused=frozenset(
        {
            "UNSUPPORTED_ORDER_CONFIGURATION", "INVALID_SIDE", "INVALID_PRODUCT_ID", "INVALID_SIZE_PRECISION",
            "INVALID_PRICE_PRECISION", "INSUFFICIENT_FUND", "INSUFFICIENT_FUNDS", "INVALID_LEDGER_BALANCE",
            "ORDER_ENTRY_DISABLED", "INELIGIBLE_PAIR", "INVALID_LIMIT_PRICE_POST_ONLY", "INVALID_LIMIT_PRICE",
            "INVALID_NO_LIQUIDITY", "INVALID_REQUEST", "COMMANDER_REJECTED_NEW_ORDER", "IN_LIQUIDATION",
            "INVALID_MARGIN_TYPE", "INVALID_LEVERAGE", "UNTRADABLE_PRODUCT", "INVALID_FCM_TRADING_SESSION",
            "GEOFENCING_RESTRICTION", "INVALID_ARGUMENT", "PERMISSION_DENIED", "UNAUTHENTICATED", "unauthorized",
            "authentication_error", "invalid_request", "validation_error", "resource_exhausted", "RESOURCE_EXHAUSTED",
            "rate_limit_exceeded", "RATE_LIMIT_EXCEEDED", "expired_token", "invalid_token",
        }
    ),
    prefixes=("PREVIEW_", "INVALID_"),
    unknown_order=frozenset({"UNKNOWN_CANCEL_ORDER", "NOT_FOUND", "not_found"}),
    unclear=("duplicate",),
    wait_s=dict.fromkeys(("resource_exhausted", "RESOURCE_EXHAUSTED", "rate_limit_exceeded"), 1.0),
    time=frozenset({"expired_token"}),
)  # fmt: skip
