"""Frames of KuCoin as it documents them today, beside those of the recordings."""

from decimal import Decimal

from marketdata.exchanges.adapter import Listing

SYMBOLS = {"BTC-USDT": "BTC/USDT", "ETH-USDT": "ETH/USDT"}
LEVEL2 = (
    b'{"topic":"/market/level2:BTC-USDT","type":"message","subject":"trade.l2update","data":{"changes":{"asks":'
    b'[["84271.2","0","38110279538"]],"bids":[["1","13329.23415421","38110279535"],["82003.8","0.00073166",'
    b'"38110279536"]]},"sequenceEnd":38110279538,"sequenceStart":38110279535,"symbol":"BTC-USDT","time":1790984501513}}'
)
LEVEL1 = (
    b'{"topic":"/spotMarket/level1:BTC-USDT","type":"message","subject":"level1","data":{"asks":["68145.8",'
    b'"0.51987471"],"bids":["68145.7","1.29267802"],"timestamp":1729816058766}}'
)
MATCH = (
    b'{"topic":"/market/match:BTC-USDT","type":"message","subject":"trade.l3match","data":{"makerOrderId":'
    b'"671b5007389355000701b1d3","price":"67523","sequence":"11067996711960577","side":"buy","size":"0.003","symbol":'
    b'"BTC-USDT","takerOrderId":"671b50161777ff00074c168d","time":"1729843222921000000","tradeId":"11067996711960577",'
    b'"type":"match"}}'
)
SNAPSHOT = (
    b'{"topic":"/market/snapshot:BTC-USDT","type":"message","subject":"trade.snapshot","data":{"sequence":"38110100812",'
    b'"data":{"askSize":0.25443497,"averagePrice":85713.700425,"baseCurrency":"BTC","bidSize":0.34401361,"board":1,'
    b'"buy":84520.9,"changePrice":-255.3,"changeRate":-0.0030,"close":84521,"datetime":1790984037207,"high":87220,'
    b'"lastTradedPrice":84521,"low":83892.5,"marginTrade":true,"market":"USDS","open":84776.3,"quoteCurrency":"USDT",'
    b'"sell":84521,"symbol":"BTC-USDT","symbolCode":"BTC-USDT","trading":true,"vol":4035.7326718967590488,'
    b'"volValue":345900144.63267467635328976}}}'
)
NOT_FOUND = b'{"id":"7","type":"error","code":404,"data":"topic /market/level2:ETH-USDT is not found"}'
TOO_MANY = b'{"id":"8","type":"error","code":509,"data":"exceed max subscription count limitation of 300 per session"}'
EXPIRED = b'{"id":"9","type":"error","code":401,"data":"token is expired"}'

FUTURES_SYMBOLS = {"XBTUSDTM": "BTC/USDT:USDT"}
FUTURES_LISTING = Listing(
    symbol="BTC/USDT:USDT",
    venue_symbol="XBTUSDTM",
    base="BTC",
    quote="USDT",
    tick_size=Decimal("0.1"),
    lot_size=Decimal("0.001"),
    min_quantity=Decimal("0.001"),
    max_quantity=Decimal(1000),
    min_notional=Decimal(0),
    active=True,
    kind="perpetual",
    contract_size=Decimal("0.001"),
    funding_interval_h=4.0,
)
FUTURES_LISTINGS = {FUTURES_LISTING.symbol: FUTURES_LISTING}
FUTURES_LEVEL2 = (
    b'{"topic":"/contractMarket/level2:XBTUSDTM","type":"message","subject":"level2","sn":1709400450243,"data":'
    b'{"sequence":1709400450243,"change":"90631.2,sell,2","timestamp":1731897467182}}'
)
TICKER_V2 = (
    b'{"topic":"/contractMarket/tickerV2:XBTUSDTM","type":"message","subject":"tickerV2","sn":1713516609293,"data":'
    b'{"symbol":"XBTUSDTM","sequence":1713516609293,"bestBidSize":5044,"bestBidPrice":"86454.5","bestAskPrice":'
    b'"86454.6","bestAskSize":73,"ts":1740641976241000000}}'
)
EXECUTION = (
    b'{"topic":"/contractMarket/execution:XBTUSDTM","type":"message","subject":"match","sn":1794100537695,"data":'
    b'{"symbol":"XBTUSDTM","sequence":1794100537695,"side":"buy","size":2,"price":"90503.9","takerOrderId":'
    b'"247822202957807616","makerOrderId":"247822167163555840","tradeId":"1794100537695","ts":1731898619520000000}}'
)
MARK = (
    b'{"topic":"/contract/instrument:XBTUSDTM","type":"message","subject":"mark.index.price","data":{"markPrice":'
    b'90445.02,"indexPrice":90444.5,"granularity":1000,"timestamp":1731899129000}}'
)
FUNDING = (
    b'{"topic":"/contract/instrument:XBTUSDTM","type":"message","subject":"funding.rate","data":{"period":1,'
    b'"granularity":60000,"fundingRate":-0.000002,"timestamp":1790993340000}}'
)
DAY = (
    b'{"topic":"/contractMarket/snapshot:XBTUSDTM","type":"message","subject":"snapshot.24h","data":{"fundingRate":'
    b'-0.000002,"highPrice":87274.8,"lastPrice":84556.7,"lowPrice":83864.7,"price24HoursBefore":85034.0,"priceChg":'
    b'-477.3,"priceChgPct":-0.0056,"symbol":"XBTUSDTM","ts":1790993335003748866,"turnover":337376435.2988,'
    b'"volume":3938.189}}'
)
