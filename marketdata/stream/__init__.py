"""One symbol of one venue: from what the venue sent to what may be traded on. Built in layers, an idea a file:

`state` (may it be traded on?), `doubts` (what waits for a second witness), `prints` (trades, bars, tickers), `quotes`
(best prices, and who stands in for them), `books` (the order book), `symbol` (all of it together).
"""

from marketdata.stream.prints import TIMEFRAMES
from marketdata.stream.symbol import BOOK_LEVELS, SymbolStream

__all__ = ["BOOK_LEVELS", "TIMEFRAMES", "SymbolStream"]
