"""What can be made to go wrong with orders, fills, keys and the account's stream.

`channel` of a fault of sending is place, cancel, replace or amend (all without it). `chance` is the share of requests
that are hit, by the seed.
"""

from collections.abc import Mapping

from marketdata.simulator.fault_names import Fault, Meaning, meaning


def _sending(text: str, **settings: object) -> Meaning:
    return meaning(text, **{"channel": "", "count": 1, "chance": 1.0} | settings)


def _lasting(text: str, **settings: object) -> Meaning:
    return meaning(text, **{"seconds": 60.0} | settings)


def _events(text: str, **settings: object) -> Meaning:
    """Of the events `channel` (executionReport, outboundAccountPosition …), of executions `kind` (NEW, TRADE …)."""
    return meaning(text, **{"channel": "", "kind": "", "count": None, "seconds": 60.0, "chance": 1.0} | settings)


ORDER_MEANINGS: Mapping[Fault, Meaning] = {
    Fault.GAP_MARKET: meaning(
        "let the price of `symbol` jump by `factor` at once and come back after `seconds`, in trades, quotes, books and "
        "bars alike: stop-limits are gapped through",
        symbol="",
        factor=0.97,
        seconds=60.0,
    ),
    Fault.HALT_TRADING: _lasting(
        "refuse orders of `symbol` while market data goes on; `kind` cancel_only or closed (cancels are refused as well)",
        symbol="",
        kind="cancel_only",
    ),
    Fault.KEY_CHANGE: meaning(
        "change what API keys may do: `kind` revoked (401 and -2015 for everything signed, streams of accounts end), "
        "read_only (-2015 for orders), withdraw (apiRestrictions says that it may) or unbound (any address may use it)",
        kind="revoked",
        seconds=None,
    ),
    Fault.SLOW_MATCHING: meaning(
        "wait `milliseconds` between the arrival of an order and its matching", milliseconds=1000, seconds=10.0
    ),
    Fault.SLOW_ACK: _sending(
        "carry out the next order request at once and answer `milliseconds` later: the account's stream tells first",
        milliseconds=2000,
    ),
    Fault.LOSE_ANSWER: _sending(
        "cut the connection instead of answering the next order request; `executed` says whether it was carried out",
        executed=True,
    ),
    Fault.UNKNOWN_STATUS: _sending(
        "answer the next order request with `status` and `code` (such as -1006, -1007, -1000, or 0 for a body without "
        "any); `executed` says whether it was carried out",
        executed=True,
        status=503,
        code=-1006,
    ),
    Fault.GARBLED_ANSWER: _sending(
        "answer the next order request with what cannot be read: `kind` html, truncate, empty or other (JSON of "
        "something else); `executed` says whether it was carried out",
        kind="html",
        executed=True,
    ),
    Fault.REJECT_REQUEST: _sending(
        "answer the next signed request of `channel` (such as account, order, myTrades; all without it) with `status` "
        "and `code`; nothing is carried out",
        seconds=None,
        status=503,
        code=-1001,
    ),
    Fault.STRICT_NONCE: meaning(
        "refuse a signed request whose timestamp is not above the last one of its key, as venues with a nonce do",
        seconds=None,
    ),
    Fault.FAIL_LEG: meaning(
        "let one leg of the next cancel-replace (or order of a batch) fail: `kind` cancel or new", kind="new", count=1
    ),
    Fault.HIDE_ORDER: _lasting(
        "know nothing of orders younger than `milliseconds` in GET order, openOrders and allOrders; they work all the same",
        milliseconds=30_000,
    ),
    Fault.STALE_ORDERS: _lasting(
        "answer GET order, openOrders and allOrders with what was true `milliseconds` ago (60 s at most)",
        milliseconds=5000,
    ),
    Fault.ARCHIVE_ORDERS: meaning(
        "answer GET order with `code` for ended orders older than `milliseconds`, and leave them out of allOrders; those "
        "with fills only where `executed`",
        milliseconds=0,
        code=-2026,
        executed=False,
        seconds=None,
    ),
    Fault.SWALLOW_CANCEL: meaning(
        "answer the next cancel as if it were done; the order lives on", count=1, chance=1.0, seconds=None
    ),
    Fault.RACE_FILL: meaning(
        "fill the share `rate` of an order right before its next cancel is looked at", rate=1.0, count=1, chance=1.0
    ),
    Fault.OVERFILL: meaning(
        "fill the next order that fills by `factor` of what it asked for", factor=1.5, count=1, chance=1.0
    ),
    Fault.LATE_TRADES: _lasting(
        "tell of a fill `milliseconds` after it happened, while its order is FILLED at once: in myTrades, answers and "
        "(but for `kind` rest) the account's stream",
        milliseconds=60_000,
        kind="all",
    ),
    Fault.DROP_EVENTS: _events("leave out events of the account's stream"),
    Fault.DELAY_EVENTS: _events("send events of the account's stream `milliseconds` late", milliseconds=5000),
    Fault.DUPLICATE_EVENTS: _events("send events of the account's stream `factor` times", factor=2.0),
    Fault.SHUFFLE_EVENTS: _events(
        "collect events of the account's stream for `milliseconds` and send them in reverse order", milliseconds=200
    ),
    Fault.REPLAY_EVENTS: meaning(
        "send the last `count` events of every account's stream again, oldest first", count=20
    ),
}
