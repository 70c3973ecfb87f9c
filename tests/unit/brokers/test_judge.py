"""What an HTTP exchange proves, for every code of the tables and for all others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.brokers.ccxt.codes import binance, bingx, coinbase, kraken, kucoin, other
from bots.brokers.ccxt.codes.table import CodeTable
from bots.brokers.ccxt.judge import Wire, judge
from bots.brokers.limits import Scope
from bots.brokers.venue import Outcome

TABLES = {
    "binance": binance.SPOT,
    "usdm": binance.USDM,
    "bingx": bingx.TABLE,
    "coinbase": coinbase.TABLE,
    "kraken": kraken.TABLE,
    "kucoin": kucoin.TABLE,
    "other": other.TABLE,
}


def answered(body: object, status: int = 400, **headers: str) -> Wire:
    return Wire(sent=True, status=status, body=body, headers=headers, text=str(body))


def spot(code: int, text: str = "", status: int = 400) -> Outcome | None:
    return judge(answered({"code": code, "msg": text}, status), binance.SPOT).outcome


@pytest.mark.parametrize("code", [-1013, -1015, -1021, -1022, -1100, -1111, -1121, -2010, -2014, -2015])
def test_binances_refusals_are_refusals(code: int) -> None:
    assert spot(code) is Outcome.REJECTED


@pytest.mark.parametrize("code", [-1000, -1001, -1006, -1007, -1016, -2026, -3000, -9999, 7])
def test_binances_other_codes_prove_nothing(code: int) -> None:
    assert spot(code) is Outcome.UNCLEAR


def test_a_duplicate_exists() -> None:
    assert spot(-2010, "Duplicate order sent.") is Outcome.UNCLEAR


def test_unknown_orders_are_typed() -> None:
    assert spot(-2013, "Order does not exist.") is Outcome.NOT_FOUND
    assert spot(-2011, "Unknown order sent.") is Outcome.NOT_FOUND
    assert spot(-2011, "Order was not canceled due to cancel restrictions.") is Outcome.UNCLEAR


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
@pytest.mark.parametrize("status", [500, 502, 503, 504, 520, 599])
def test_a_status_of_the_servers_proves_nothing_whatever_the_body_says(table: CodeTable, status: int) -> None:
    for body in ({"code": -2010, "msg": "x"}, {"error": ["EOrder:Insufficient funds"]}, {"code": "300003"}, None):
        assert judge(answered(body, status), table).outcome is Outcome.UNCLEAR


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
@pytest.mark.parametrize("status", [418, 429])
def test_who_is_turned_away_at_the_door_waits(table: CodeTable, status: int) -> None:
    verdict = judge(answered(None, status, **{"Retry-After": "12"}), table)
    assert (verdict.outcome, verdict.wait_s) == (Outcome.REJECTED, 12.0)
    unnamed = judge(answered(None, status), table)
    assert unnamed.wait_s is not None
    assert unnamed.wait_s > 0


def test_only_a_sensible_time_is_waited_for() -> None:
    def wait_s(status: int, **headers: str) -> float | None:
        return judge(answered(None, status, **headers), kucoin.TABLE).wait_s

    assert wait_s(429, **{"Retry-After": "9" * 30}) == 3 * 86_400
    assert wait_s(429, **{"Retry-After": "soon"}) == 30
    assert wait_s(429, **{"gw-ratelimit-reset": "4000"}) == 4
    assert wait_s(503, **{"Retry-After": "5"}) == 5
    assert wait_s(503, **{"gw-ratelimit-reset": "4000"}) is None


def test_an_accounts_order_limit_stops_the_account_and_a_ban_everyone() -> None:
    assert judge(answered({"code": -1015, "msg": ""}, 429), binance.SPOT).scope is Scope.ACCOUNT
    assert judge(answered({"code": -1015, "msg": ""}, 418), binance.SPOT).scope is Scope.VENUE
    assert judge(answered({"code": -1003, "msg": ""}, 429), binance.SPOT).scope is Scope.VENUE


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_what_was_not_sent_or_not_answered(table: CodeTable) -> None:
    assert judge(None, table).outcome is Outcome.NOT_SENT
    assert judge(Wire(sent=False, error="no connection"), table).outcome is Outcome.NOT_SENT
    assert judge(Wire(sent=True), table).outcome is Outcome.UNCLEAR


@pytest.mark.parametrize("status", [200, 301, 400, 401, 403, 404])
def test_a_body_that_is_no_json_proves_nothing(status: int) -> None:
    for table in TABLES.values():
        assert judge(answered(None, status), table).outcome is Outcome.UNCLEAR


def test_an_exchange_without_a_table_is_never_believed_to_have_refused() -> None:
    for body in ({"code": "51008", "msg": "Insufficient balance"}, {"retCode": 110007}, {"label": "BALANCE"}):
        assert judge(answered(body, 200), other.TABLE).outcome is Outcome.UNCLEAR
    assert judge(answered({"retCode": 0, "result": {}}, 200), other.TABLE).outcome is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["code", "msg", "error", "errors", "results", "error_response", "success", "failure_reason", "data", "x"]
    ), inner, max_size=4),
    max_leaves=8,
)  # fmt: skip


@given(body=JSON, status=st.sampled_from([200, 201, 400, 401, 404, 500, 503]))
def test_no_body_breaks_the_judge_or_refuses_by_itself(body: object, status: int) -> None:
    for table in TABLES.values():
        outcome = judge(answered(body, status), table).outcome
        if status >= 500:
            assert outcome is Outcome.UNCLEAR
        if outcome is None:
            assert status < 300
