"""BingX: {"code": 101204, "msg": "Insufficient margin"}, success is 0. Source: bingx-api.github.io, "Common Error Codes"."""

from typing import Any

from bots.brokers.ccxt.codes.table import CodeTable, Said


def _read(body: Any) -> list[Said]:
    if not isinstance(body, dict) or "code" not in body:
        return []
    code = str(body["code"])
    return [] if code in ("0", "200") else [Said(code=code, text=str(body.get("msg", "")))]


# Not here: 100410, 100500, 109500, 110500, 100503, 80012 busy or internal, and 101481, 109201 duplicates. 80001 wraps
# whatever went wrong.
TABLE = CodeTable(
    read=_read,
    refused=frozenset(
        {
            "100001", "100004", "100202", "100204", "100400", "100412", "100413", "100414", "100419", "100421",
            "100440", "100490", "101204", "101205", "101209", "101215", "101253", "101400", "101414", "101415",
            "101485", "109400", "109418", "109425", "110425", "80014", "80017", "80020",
        }
    ),
    unknown_order=frozenset({"80016", "80018", "109421"}),
    unclear=("duplicate", "busy", "timeout", "try again"),
    wait_s={"100410": 10.0},
    time=frozenset({"100421"}),
)  # fmt: skip
