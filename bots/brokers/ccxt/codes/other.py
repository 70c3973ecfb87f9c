"""Every venue without a table: its codes are shown, and prove nothing. Only HTTP's own refusals are believed."""

from typing import Any

from bots.brokers.ccxt.codes.table import CodeTable, Said

_NAMES = ("code", "retCode", "ret_code", "err-code", "errorCode", "error_code", "label", "error", "s")
_FINE = frozenset({"", "0", "00000", "200", "200000", "ok", "success", "None", "[]", "False"})


def _read(body: Any) -> list[Said]:
    if not isinstance(body, dict):
        return []
    for name in _NAMES:
        value = body.get(name)
        if isinstance(value, str | int) and str(value).lower() not in _FINE:
            return [Said(code=str(value), text=str(body.get("msg") or body.get("message") or ""))]
    return []


TABLE = CodeTable(read=_read)
