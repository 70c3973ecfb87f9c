"""Binance: {"code": -1121, "msg": "Invalid symbol."} with a status of 4xx. Codes of 5xx never prove anything.

Source: binance-spot-api-docs errors.md, and "Error Codes" of the USD-M futures' documentation.
"""

from typing import Any

from bots.brokers.ccxt.codes.table import CodeTable, Said


def _read(body: Any) -> list[Said]:
    if isinstance(body, dict) and isinstance(body.get("code"), int) and body["code"] not in (0, 200):
        return [Said(code=str(body["code"]), text=str(body.get("msg", "")))]
    return []


def _codes(*spans: int | range) -> frozenset[str]:
    return frozenset(str(-code) for span in spans for code in (span if isinstance(span, range) else (span,)))


# Not here: -1000 unknown, -1001 disconnected, -1006 and -1007 unexpected response and timeout ("status unknown").
_COMMON = _codes(
    1002, 1003, 1010, 1013, 1014, 1015, 1020, 1021, 1022, 1033, range(1099, 1138), 1139, 1145, 1151, 2008, 2010, 2014,
    2015,
)  # fmt: skip

SPOT = CodeTable(
    read=_read,
    refused=_COMMON,
    # -2026 is an order that ended without a fill and was archived: known, so it is in neither table.
    unknown_order=frozenset({"-2011", "-2013"}),
    unclear=("duplicate", "restrictions"),
    wait_s={"-1003": 60.0, "-1015": 10.0},
    account_wait=frozenset({"-1015"}),
    time=frozenset({"-1021"}),
)

# -1008 is documented there as a failure: throttled before anything was done. -4116 is a duplicate, whose order exists.
_FUTURES = _codes(
    1008, range(2016, 2029), range(4000, 4116), range(4117, 4203), range(4400, 4410), 5021, 5022, 5026, 5027, 5028,
    *range(5037, 5042),
)  # fmt: skip

USDM = CodeTable(
    read=_read,
    refused=_COMMON | _FUTURES,
    unknown_order=frozenset({"-2011", "-2013"}),
    wait_s={"-1003": 60.0, "-1015": 10.0},
    account_wait=frozenset({"-1015"}),
    time=frozenset({"-1021", "-5028"}),
)
