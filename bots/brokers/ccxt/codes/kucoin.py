"""KuCoin: {"code": "300003", "msg": "Balance insufficient"}, success is "200000". Source: its documentation, "Errors"."""

from typing import Any

from bots.brokers.ccxt.codes.table import CodeTable, Said


def _read(body: Any) -> list[Said]:
    if not isinstance(body, dict) or "code" not in body:
        return []
    code = str(body["code"])
    return [] if code in ("200000", "200") else [Said(code=code, text=str(body.get("msg", "")))]


# Not here: 500000 internal error, 408000 timeout, 126038 and 126039 internal failures, 100002 system, 126033 and 126044
# duplicates, whose order exists.
TABLE = CodeTable(
    read=_read,
    refused=frozenset(
        {
            "200004", "230003", "300000", "300001", "300002", "300003", "300004", "300005", "300006", "300007",
            "300008", "300009", "300010", "300011", "300012", "300014", "300016", "300017", "300018", "330005",
            "330008", "330011", "330012", "400000", "400001", "400002", "400003", "400004", "400005", "400006",
            "400007", "400008", "400100", "400200", "400303", "400330", "400350", "400370", "400400", "400401",
            "400500", "400600", "400760", "404000", "411100", "415000", "429000", "600100", "600101", "600203",
            "100003", "126003", "126004", "126006", "126007", "126009", "126013", "126022", "126027", "126042",
        }
    ),
    # 100004: in a state that cannot be cancelled, so ended.
    unknown_order=frozenset({"100001", "100004", "126043", "order_not_exist"}),
    unclear=("duplicate", "timeout", "try again"),
    wait_s={"429000": 30.0},
    time=frozenset({"400002"}),
)  # fmt: skip
