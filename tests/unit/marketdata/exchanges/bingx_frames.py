"""Frames of BingX as it documents them, beside those of the recording."""

SYMBOLS = {"BTC-USDT": "BTC/USDT:USDT"}
# The best ask comes last.
DEPTH = (
    b'{"code":0,"dataType":"BTC-USDT@depth5@500ms","ts":1759996742928,"data":{"bids":[["121825.7","7.7622"],'
    b'["121825.6","0.0060"],["121825.4","0.1234"],["121825.2","0.0021"],["121825.0","0.0023"]],"asks":[["121827.3",'
    b'"0.0025"],["121827.1","0.0010"],["121826.5","0.0028"],["121826.1","0.0143"],["121825.9","9.2345"]]}}'
)
SPOT_DEPTH = (
    b'{"code":0,"data":{"asks":[["84119.73","0.000011"],["84116.52","0.000014"]],"bids":[["83656.98","2.570805"],'
    b'["83655.51","0.000347"]],"lastUpdateId":13565694850},"dataType":"BTC-USDT@depth100","success":true,'
    b'"timestamp":1743241379958}'
)
BOOK_TICKER = (
    b'{"code":0,"dataType":"BTC-USDT@bookTicker","data":{"e":"bookTicker","u":578534658,"E":1760001840686,'
    b'"T":1760001840687,"s":"BTC-USDT","b":"121584.1","B":"18.7084","a":"121584.3","A":"4.9602"}}'
)
SPOT_TRADE = (
    b'{"code":0,"data":{"E":1690214529432,"T":1690214529386,"e":"trade","m":true,"p":"29110.19","q":"0.1868",'
    b'"s":"BTC-USDT","t":"57903921"},"dataType":"BTC-USDT@trade","success":true}'
)
SPOT_PING = b'{"ping":"2177c68e4d0e45679965f482929b59c2","time":"2022-06-07T16:27:36.323+0800"}'
UNSUPPORTED = b'{"id":"12","code":80015,"msg":"dataType not supported","dataType":"BTC-USDT@depth30","data":null}'


def increment(action: str, update_id: int, bids: str, asks: str) -> bytes:
    return (
        f'{{"code":0,"dataType":"BTC-USDT@incrDepth","data":{{"action":"{action}","lastUpdateId":{update_id},'
        f'"time":1760002514979,"bids":{bids},"asks":{asks}}}}}'
    ).encode()


def trades(*prints: tuple[int, str]) -> bytes:
    rows = ",".join(f'{{"q":"0.5","p":"{price}","T":{time_ms},"m":false,"s":"BTC-USDT"}}' for time_ms, price in prints)
    return f'{{"code":0,"dataType":"BTC-USDT@trade","data":[{rows}]}}'.encode()
