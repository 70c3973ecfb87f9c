"""BingX over a real socket: compressed frames, a ping that is answered, a stream that is refused."""

import gzip
import json

from marketdata.exchanges.adapter import BookImage
from marketdata.exchanges.catalog import get_adapter
from tests.unit.marketdata.exchanges.bingx_frames import DEPTH
from tests.unit.marketdata.exchanges.venue_socket import pool_at

SYMBOLS = {"BTC-USDT": "BTC/USDT:USDT", "GONE-USDT": "GONE/USDT:USDT"}


async def test_frames_are_unpacked_and_pings_answered():
    said: list[str] = []

    def answer(_: int, request: dict) -> list[bytes]:
        if "text" in request:
            said.append(request["text"])
            return [gzip.compress(DEPTH)]
        reply = {"id": request["id"], "code": 0, "msg": "", "dataType": "", "data": None}
        if request["dataType"].startswith("GONE"):
            reply |= {"code": 80015, "msg": "dataType not supported"}
        ping = [gzip.compress(b"Ping")] if "depth" in request["dataType"] else []
        return [gzip.compress(json.dumps(reply).encode()), *ping]

    async with pool_at(get_adapter("bingx"), SYMBOLS, answer) as (pool, heard):
        for venue_symbol, symbol in SYMBOLS.items():
            pool.add(symbol, venue_symbol)
        await heard.until(lambda: bool(heard.events) and len(heard.refused) >= 4)
    assert said[0] == "Pong"
    assert isinstance(heard.events[0], BookImage)
    assert {symbol for symbol, _ in heard.refused} == {"GONE/USDT:USDT"}
    assert heard.malformed == []
