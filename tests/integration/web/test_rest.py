"""REST as an integration sees it: shapes, refusals, pages, acts."""

import csv
import io
from base64 import b64encode
from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.cache import cache
from django.utils import timezone

from bots.models import AuditEntry, Bot, Installation, Signal, User

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _empty_cache():
    cache.clear()
    yield
    cache.clear()


def test_an_order_tells_why_it_was_sent(alice):
    order = alice.api.get(f"/api/v1/orders/{alice.order.pk}").json()
    assert (order["status"], order["state"], order["client_order_id"]) == ("filled", "filled", alice.order.pk.hex)
    assert [event["to_state"] for event in order["events"]] == ["sending", "filled"]
    assert order["fills"][0]["price"] == "100"
    assert order["trace"]["components"][0]["name"] == "technical"
    assert order["trace"]["verdict"] == "approved"
    assert alice.api.get(f"/api/v1/orders/by-client-id/{alice.order.pk.hex}").json()["id"] == str(alice.order.pk)


def test_money_is_text_and_times_are_utc(alice):
    order = alice.api.get("/api/v1/orders").json()["results"][0]
    assert (order["quantity"], order["limit_price"]) == ("2", "101")
    assert order["created_at"].endswith("Z")


def test_pages_follow_each_other_without_holes(alice, btc):
    for number in range(7):
        Signal.objects.create(
            bot=alice.bot, instrument=btc, source="quant", action="hold", confidence=0, price=100,
            reasoning=str(number), ts_event=number, created_at=timezone.now(),
        )  # fmt: skip
    found, address = [], "/api/v1/signals?limit=3&source=quant"
    while address:
        page = alice.api.get(address).json()
        assert len(page["results"]) <= 3
        found += [row["reasoning"] for row in page["results"]]
        address = page["next"]
    assert found == ["6", "5", "4", "3", "2", "1", "0"]


@pytest.mark.parametrize("limit", ["0", "501", "many", "-1"])
def test_a_limit_out_of_range_says_what_is_allowed(alice, limit):
    answer = alice.api.get("/api/v1/orders", {"limit": limit})
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["errors"] == {"limit": [f"'{limit}': allowed is a whole number from 1 to 500."]}


def test_errors_are_problem_documents(alice, nobody):
    unknown = alice.api.get("/api/v1/bots/999999")
    assert unknown["Content-Type"] == "application/problem+json"
    assert unknown.json() == {
        "type": "urn:tradingsite:error:not_found", "title": "Not Found", "status": 404,
        "detail": "There is no such thing, or it is not yours.",
    }  # fmt: skip
    stranger = nobody.get("/api/v1/bots")
    assert stranger.status_code == 401
    assert "auth/token" in stranger.json()["detail"]
    assert alice.api.post("/api/v1/bots", "{", content_type="application/json").status_code == 400
    assert alice.api.delete("/api/v1/orders").json()["status"] == 405
    assert alice.api.get("/api/v1/orders", {"status": "odd"}).json()["errors"].keys() == {"status"}


def new_bot(person, **settings):
    return {"account": person.account.pk, "name": "new", "symbols": ["BTC/USDT"]} | settings


def test_a_bot_is_made_read_changed_and_deleted(alice, eth):
    made = alice.api.post("/api/v1/bots", new_bot(alice, stop_loss="0.01"))
    assert made.status_code == 201
    address = f"/api/v1/bots/{made.json()['id']}"
    read = alice.api.get(address)
    assert (read["ETag"], read.json()["stop_loss"], read.json()["symbols"]) == ('"1"', "0.01", ["BTC/USDT"])
    changed = alice.api.patch(address, {"symbols": ["BTC/USDT", "ETH/USDT"]}, headers={"If-Match": read["ETag"]})
    assert (changed.status_code, changed["ETag"], len(changed.json()["symbols"])) == (200, '"2"', 2)
    assert alice.api.delete(address).status_code == 204
    assert list(AuditEntry.objects.order_by("pk").values_list("action", flat=True)) == ["bot.create", "bot.edit"]


def test_a_change_on_an_old_version_is_refused(alice):
    address = f"/api/v1/bots/{alice.bot.pk}"
    assert alice.api.patch(address, {"description": "a"}).status_code == 428
    assert alice.api.patch(address, {"description": "a", "version": 1}).status_code == 200
    stale = alice.api.patch(address, {"description": "b"}, headers={"If-Match": '"1"'})
    assert stale.status_code == 412
    assert "at version 2 now" in stale.json()["detail"]
    alice.bot.refresh_from_db()
    assert alice.bot.description == "a"


@pytest.mark.parametrize(
    ("settings", "field", "words"),
    [
        ({"minimum_confidence": 7}, "minimum_confidence", "7.0 is too large: at most 1 is allowed."),
        ({"interval_s": 0}, "interval_s", "0 is too small: at least 1 is allowed."),
        ({"stop_loss": "1.5"}, "stop_loss", "1.5"),
        ({"stop_loss": "much"}, "stop_loss", "number"),
        ({"stoploss": "0.01"}, "stoploss", "no such setting"),
        ({"maximum_drawdown": "0"}, "maximum_drawdown", "above 0"),
        ({"trailing_stop": "1"}, "trailing_stop", "below 1"),
        ({"maximum_position_value": "1e9"}, "maximum_position_value", "capital"),
        ({"component_weights": {"luck": 1}}, "component_weights", "Unknown name 'luck'"),
        ({"timeframes": {"7m": 1}}, "timeframes", "Unknown name '7m'"),
        ({"disabled_strategies": ["luck"]}, "disabled_strategies", "Unknown name 'luck'"),
        ({"disabled_strategies": "trend"}, "disabled_strategies", "JSON list"),
        ({"disabled_strategies": {}}, "disabled_strategies", '["mean_reversion", "sentiment"]'),
        ({"timeframes": ["1m"]}, "timeframes", '{"15m": 1.0}'),
        (
            {"disabled_strategies": ["technical"], "component_weights": {"technical": 1}},
            "disabled_strategies",
            "leave at least one",
        ),
        ({"regime_timeframes": {"1m": 1, "5m": 1, "15m": 1, "1h": 1}}, "regime_timeframes", "at most 3"),
        ({"regime_timeframes": {"5m": -1}}, "regime_timeframes", "from 0 to 100"),
        ({"maximum_volatility": 1.5}, "maximum_volatility", "at most 1"),
        ({"maximum_volatility": "NaN"}, "maximum_volatility", "number"),
        ({"minimum_coverage": "NaN"}, "minimum_coverage", "number"),
        ({"symbols": ["DOGE/USDT"]}, "symbols", "DOGE/USDT: not known on simulated"),
        ({"symbols": []}, "symbols", ""),
        ({"evaluation": "sometimes"}, "evaluation", "sometimes"),
        ({"account": 12345}, "account", "12345"),
        ({"trailing_stop": "NaN"}, "trailing_stop", "number"),
        ({"capital": None}, "capital", "null"),
    ],
)
@pytest.mark.parametrize("address", ["/api/v1/bots", "/api/trading/start"])
def test_settings_out_of_range_name_field_value_and_what_is_allowed(alice, address, settings, field, words):
    answer = alice.api.post(address, new_bot(alice, **settings))
    assert answer.status_code == 400, answer.json()
    assert words in " ".join(answer.json()["errors"][field])
    assert not Bot.objects.filter(name="new").exists()


def test_a_venue_that_has_told_nothing_yet_is_not_said_to_lack_a_symbol(alice):
    from bots.models import Account
    from marketdata.models import Exchange

    kraken = Exchange.objects.create(code="kraken", name="Kraken", adapter="kraken", environment="live")
    account = Account.objects.create(owner=alice.user, name="there", exchange=kraken)
    answer = alice.api.post("/api/v1/bots", new_bot(alice, account=account.pk, symbols=["BTC/USD"]))
    assert answer.status_code == 400
    assert "BTC/USD: kraken has not told yet what it lists" in answer.json()["errors"]["symbols"][0]


def test_two_bots_of_a_person_have_two_names(alice):
    refused = alice.api.post("/api/v1/bots", new_bot(alice, name=alice.bot.name))
    assert refused.status_code == 400
    assert "already exists" in refused.json()["detail"]


def test_a_bot_starts_pauses_resumes_and_stops(alice):
    address = f"/api/v1/bots/{alice.bot.pk}"
    for verb, state in (("start", "running"), ("pause", "paused"), ("resume", "running"), ("stop", "stopped")):
        answer = alice.api.post(f"{address}/{verb}")
        assert (answer.status_code, answer.json()["state"]) == (200, state)
    again = alice.api.post(f"{address}/stop")
    assert again.status_code == 409
    assert again.json()["detail"] == "alice's bot is stopped already."


def test_a_bot_that_a_limit_turned_off_is_cleared_with_a_reason(alice):
    address = f"/api/v1/bots/{alice.bot.pk}"
    Bot.objects.filter(pk=alice.bot.pk).update(ladder="pause", ladder_reason="10 entries within 5 minutes")
    assert alice.api.post(f"{address}/clear").status_code == 409
    assert alice.api.post(f"{address}/clear", {"reason": "it was a busy hour"}, format="json").status_code == 200
    alice.bot.refresh_from_db()
    assert (alice.bot.ladder, alice.bot.cleared_at is not None) == ("active", True)
    again = alice.api.post(f"{address}/clear", {"reason": "again"}, format="json")
    assert (again.status_code, "not restricted" in again.json()["detail"]) == (409, True)


def test_a_running_bot_and_one_with_history_are_not_deleted(alice):
    address = f"/api/v1/bots/{alice.bot.pk}"
    alice.api.post(f"{address}/start")
    assert "Stop it first" in alice.api.delete(address).json()["detail"]
    alice.api.post(f"{address}/stop")
    refused = alice.api.delete(address)
    assert (refused.status_code, "Leave it stopped" in refused.json()["detail"]) == (409, True)
    assert Bot.objects.filter(pk=alice.bot.pk).exists()


def test_a_key_makes_a_request_happen_once(alice):
    address, key = f"/api/v1/bots/{alice.bot.pk}/start", {"Idempotency-Key": "k1"}
    first = alice.api.post(address, headers=key)
    second = alice.api.post(address, headers=key)
    assert (first.status_code, first.json()) == (second.status_code, second.json())
    assert alice.bot.sessions.filter(ended_at=None).count() == 1
    other = alice.api.post(f"/api/v1/bots/{alice.bot.pk}/stop", headers=key)
    assert other.status_code == 422
    assert alice.api.post(f"/api/v1/bots/{alice.bot.pk}/stop").status_code == 200


def test_a_key_of_one_person_says_nothing_to_another(alice, bob):
    key = {"Idempotency-Key": "k1"}
    assert alice.api.post("/api/trading/stop", headers=key).status_code == 200
    assert bob.api.post(f"/api/v1/bots/{bob.bot.pk}/start", headers=key).status_code == 200


def test_trading_starts_and_stops_with_settings_in_the_body(alice):
    settings = {"symbol": "BTC/USDT", "stop_loss": "0.03", "maximum_positions": 2}
    started = alice.api.post("/api/trading/start", settings)
    assert started.status_code == 200, started.json()
    bot = Bot.objects.get(pk=started.json()["session"]["bot"])
    assert (started.json()["success"], bot.state, bot.stop_loss, bot.owner) == (
        True, "running", Decimal("0.03"), alice.user,
    )  # fmt: skip
    assert alice.api.post("/api/trading/start", settings).status_code == 409
    assert alice.api.post("/api/trading/stop").json() == {"success": True, "stopped": [bot.pk]}
    again = alice.api.post("/api/trading/start", {"stop_loss": "0.05"})
    bot.refresh_from_db()
    assert (again.json()["session"]["bot"], bot.stop_loss, bot.version) == (bot.pk, Decimal("0.05"), 2)


def test_positions_are_closed_once_asked(alice):
    address = f"/api/v1/positions/{alice.position.pk}/close"
    assert alice.api.post(address).status_code == 202
    alice.position.refresh_from_db()
    assert alice.position.close_requested_at is not None
    assert alice.api.post(f"/api/v1/positions/{alice.closed.pk}/close").status_code == 409
    held = alice.api.get("/api/trading/positions").json()
    assert [(row["id"], row["unrealised_pnl"]) for row in held] == [(alice.position.pk, "10")]


def test_a_part_of_a_position_is_closed_once_however_often_it_is_sent(alice):
    address = f"/api/v1/positions/{alice.position.pk}/close"
    twice = [alice.api.post(address, {"fraction": "0.25"}, headers={"Idempotency-Key": "quarter"}) for _ in range(2)]
    assert [answer.status_code for answer in twice] == [202, 202]
    assert [answer.json()["close_to"] for answer in twice] == ["1.5", "1.5"]
    other = alice.api.post(address, {"fraction": "0.5"}, headers={"Idempotency-Key": "quarter"})
    assert other.status_code == 422
    assert alice.api.post(address, {"quantity": "1"}).status_code == 409
    assert AuditEntry.objects.filter(action="position.close").count() == 1


@pytest.mark.parametrize(
    ("part", "field"),
    [({"fraction": "2"}, "fraction"), ({"quantity": "x"}, "quantity"), ({"quantity": "3"}, "quantity")],
)
def test_a_part_that_is_not_there_is_refused_by_name(alice, part, field):
    answer = alice.api.post(f"/api/v1/positions/{alice.position.pk}/close", part)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])


def test_the_stop_and_the_target_of_a_position_are_set(alice):
    address = f"/api/v1/positions/{alice.position.pk}"
    answer = alice.api.patch(address, {"stop_price": "99.5", "target_price": "120"})
    assert answer.status_code == 200, answer.json()
    assert (answer.json()["stop_price"], answer.json()["target_price"], answer.json()["revision"]) == ("99.5", "120", 1)
    assert alice.api.patch(address, {"target_price": None}, format="json").json()["target_price"] is None
    for prices, field in (
        ({"stop_price": "105"}, "stop_price"),
        ({"target_price": "104"}, "target_price"),
        ({"stop_price": "much"}, "stop_price"),
        ({"quantity": "1"}, "quantity"),
        ({}, "body"),
    ):
        refused = alice.api.patch(address, prices)
        assert (refused.status_code, list(refused.json()["errors"])) == (400, [field])
    assert alice.api.patch(f"/api/v1/positions/{alice.closed.pk}", {"stop_price": "1"}).status_code == 409


def test_performance_of_a_period(alice):
    for address in ("/api/v1/performance", "/api/trading/performance", f"/api/v1/bots/{alice.bot.pk}/performance"):
        day = alice.api.get(address, {"period": "day"}).json()
        assert (day["trades"], day["realised_pnl"], day["unrealised_pnl"], day["win_rate"]) == (1, "3.5", "10", 1.0)
        assert day["equity"] == "1990"
        assert alice.api.get(address, {"period": "decade"}).json()["errors"].keys() == {"period"}
    alice.trade.closed_at = timezone.now() - timedelta(days=400)
    alice.trade.save()
    assert alice.api.get("/api/v1/performance", {"period": "month"}).json()["trades"] == 0
    assert alice.api.get("/api/v1/performance").json()["trades"] == 1
    assert [point["equity"] for point in alice.api.get("/api/v1/equity").json()][-1] == "1990"


def test_trades_as_a_file_are_no_formulas(alice):
    alice.bot.name = '=HYPERLINK("http://evil","x")'
    alice.bot.save()
    answer = alice.api.get("/api/v1/trades.csv")
    (row,) = csv.DictReader(io.StringIO(answer.content.decode()))
    assert row["bot"].startswith("'=")
    assert (row["realised_pnl"], row["quantity"], row["entry_price"]) == ("3.5", "1", "100")


def test_the_kill_switch_of_own_accounts(alice, bob):
    step = {"ladder": "reduce", "reason": "odd prices"}
    state = alice.api.put("/api/v1/killswitch", step).json()
    assert (state["ladder"], state["accounts"][0]["reason"], state["installation"]["ladder"]) == (
        "reduce", "odd prices", "active",
    )  # fmt: skip
    assert bob.api.get("/api/v1/killswitch").json()["ladder"] == "active"
    assert alice.api.put("/api/v1/killswitch", {"ladder": "pause", "reason": "calmer"}).json()["ladder"] == "pause"
    assert alice.api.put("/api/v1/killswitch", {"ladder": "active", "reason": "fine"}).json()["ladder"] == "active"
    assert alice.api.put("/api/v1/killswitch", {"ladder": "active"}).json()["errors"].keys() == {"reason"}


def test_who_has_no_account_is_told_that_nothing_was_restricted(alice, nobody):
    nobody.force_login(User.objects.create_user("carol"))
    answer = nobody.put("/api/v1/killswitch", {"ladder": "flatten", "reason": "all out"})
    assert (answer.status_code, answer["Content-Type"]) == (409, "application/problem+json")
    assert answer.json()["detail"] == "You have no account to restrict."
    alice.account.refresh_from_db()
    assert alice.account.ladder == "active"


def test_unknown_addresses_are_problem_documents(alice, nobody):
    for client in (alice.api, nobody):
        for path in ("/api/", "/api/v1/nope", "/api/v1/ping/", "/api/v2/bots"):
            answer = client.get(path)
            assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")
            assert answer.json()["type"] == "urn:tradingsite:error:not_found"
    assert alice.api.get("/api/docs")["Location"] == "/api/docs/"
    assert "json" not in alice.api.get("/nope/")["Content-Type"]


def test_staff_restrict_the_installation(alice, bob):
    Installation.objects.get_or_create(pk=1)
    alice.user.is_staff = True
    alice.user.save()
    step = {"ladder": "flatten", "reason": "all out", "scope": "installation"}
    assert alice.api.put("/api/v1/killswitch", step).json()["installation"]["ladder"] == "flatten"
    assert bob.api.get("/api/v1/killswitch").json()["ladder"] == "flatten"


def test_tokens_are_shown_once_and_revoked(alice, nobody):
    token = alice.api.post("/api/v1/auth/token").json()["token"]
    header = {"Authorization": f"Token {token}"}
    assert nobody.get("/api/v1/bots", headers=header).json()["results"][0]["id"] == alice.bot.pk
    assert nobody.post("/api/v1/auth/token", headers=header).status_code == 400
    assert nobody.delete("/api/v1/auth/token", headers=header).status_code == 204
    assert nobody.get("/api/v1/bots", headers=header).status_code == 401


ASKED = {"read": 200, "close": 202, "settings": 200, "quant": 400}


@pytest.mark.parametrize(
    ("scope", "answers"),
    [
        ("read", ASKED | {"close": 403, "settings": 403}),
        ("trade", ASKED | {"settings": 403}),
        ("admin", ASKED),
    ],
)
def test_a_token_does_what_its_scope_allows_and_no_more(alice, nobody, scope, answers):
    made = alice.api.post("/api/v1/auth/token", {"scope": scope, "name": "sheet"}).json()
    assert (made["scope"], made["name"]) == (scope, "sheet")
    header = {"Authorization": f"Token {made['token']}", "If-Match": "*"}
    positions, bot = f"/api/v1/positions/{alice.position.pk}", f"/api/v1/bots/{alice.bot.pk}"
    assert {
        "read": nobody.get(positions, headers=header).status_code,
        "close": nobody.post(f"{positions}/close", headers=header).status_code,
        "settings": nobody.patch(bot, {"name": "renamed"}, headers=header).status_code,
        "quant": nobody.post("/api/v1/quant/signals", {}, headers=header).status_code,
    } == answers
    if scope == "read":
        assert '"scope": "trade"' in nobody.post(f"{positions}/close", headers=header).json()["detail"]
    [listed] = alice.api.get("/api/v1/auth/token").json()
    assert (listed["scope"], "token" in listed) == (scope, False)
    assert nobody.delete("/api/v1/auth/token", headers=header).status_code == 204


def test_a_token_older_than_scopes_goes_on_as_before(alice, nobody):
    from knox.models import AuthToken

    _, text = AuthToken.objects.create(user=alice.user)
    header = {"Authorization": f"Token {text}"}
    assert nobody.post(f"/api/v1/positions/{alice.position.pk}/close", headers=header).status_code == 202
    assert alice.api.post("/api/v1/auth/token", {"scope": "all"}).json()["errors"].keys() == {"scope"}


def test_a_portfolio_adds_up_within_a_mode_and_a_quote_asset(alice, venue):
    from bots.models import Account, Balance

    live = Account.objects.create(owner=alice.user, name="real", exchange=venue, mode="live")
    Balance.objects.create(account=live, asset="USDT", total=70, reserved=20)
    second = Account.objects.create(owner=alice.user, name="second", exchange=venue)
    Balance.objects.create(account=second, asset="USDT", total=5)
    found = alice.api.get("/api/v1/portfolio").json()
    worth = {
        row["name"]: (row["cash"], row["exposure"], row["unrealised_pnl"], row["equity"]) for row in found["accounts"]
    }
    assert worth == {
        "paper": ("10000", "210", "10", "10210"), "real": ("70", "0", "0", "70"), "second": ("5", "0", "0", "5"),
    }  # fmt: skip
    assert found["accounts"][1]["balances"] == [{"asset": "USDT", "total": "70", "reserved": "20", "free": "50"}]
    totals = {(row["mode"], row["quote_asset"]): (row["equity"], row["open_positions"]) for row in found["totals"]}
    assert totals == {("live", "USDT"): ("70", 0), ("paper", "USDT"): ("10215", 1)}


def test_what_somebody_did_is_listed(alice):
    alice.api.patch(f"/api/v1/positions/{alice.position.pk}", {"stop_price": "99"})
    [entry] = alice.api.get("/api/v1/audit").json()["results"]
    assert (entry["action"], entry["target"]) == ("position.edit", f"position:{alice.position.pk}")
    assert entry["detail"]["stop_price"] == ["98", "99"]


def test_candles_and_markets(alice, btc, feed):
    from marketdata.models import BarRow

    for minute in range(3):
        BarRow.objects.create(
            instrument=btc, timeframe="1m", ts_open=minute * 60 * 10**9, open=1, high=2, low=1, close=2, volume=3,
            source="trades",
        )  # fmt: skip
    query = {"exchange": "simulated", "symbol": "BTC/USDT", "limit": 2}
    candles = alice.api.get("/api/v1/candles", query).json()["candles"]
    assert [candle["time"] for candle in candles] == [60, 120]
    assert alice.api.get("/api/v1/candles", query | {"timeframe": "9m"}).status_code == 400
    assert alice.api.get("/api/v1/candles", query | {"symbol": "X/Y"}).status_code == 404
    assert alice.api.get("/api/v1/candles").json()["errors"].keys() == {"exchange"}
    assert alice.api.get("/api/v1/market", {"symbols": "BTC/USDT"}).json()[0]["state"] == "no_data"
    assert alice.api.get("/api/v1/feeds").json()[0]["is_running"] is True
    assert alice.api.get("/api/v1/symbols").json()["results"][0]["tick_size"] == "0.01"


def test_the_live_snapshot_costs_the_same_for_one_bot_and_for_ten(alice, btc, feed, django_assert_max_num_queries):
    from tests.integration.web.cast import make_position

    with django_assert_max_num_queries(25) as one:
        snapshot = alice.api.get("/api/v1/live/snapshot").json()
    (card,) = snapshot["bots"]
    assert (card["pnl_today"], card["realised_today"], card["symbols"]) == ("13.5", "3.5", ["BTC/USDT"])
    assert card["last_decision"]["reasoning"] == "technical says buy"
    assert [point["equity"] for point in card["sparkline"]][-1] == "1990"
    assert snapshot["feeds"][0]["state"] == "live"
    for number in range(9):
        bot = Bot.objects.create(owner=alice.user, account=alice.account, name=f"bot {number}")
        bot.instruments.add(btc)
        make_position(bot, btc, alice.decision, timezone.now())
    with django_assert_max_num_queries(len(one)):
        assert len(alice.api.get("/api/v1/live/snapshot").json()["bots"]) == 10


def test_a_body_without_bounds_is_refused(alice):
    answer = alice.api.post("/api/v1/bots", {"name": "x" * 1_100_000})
    assert (answer.status_code, answer.json()["title"]) == (413, "Request Entity Too Large")


@pytest.mark.parametrize("body", ["[]", '"text"', "null", "7", '[{"name": "a"}]'])
@pytest.mark.parametrize("address", ["/api/v1/bots", "/api/trading/start"])
def test_a_body_that_is_no_object_is_refused(alice, address, body):
    answer = alice.api.post(address, body, content_type="application/json")
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"


def test_null_characters_are_refused_wherever_they_come(alice, nobody):
    answers = (
        alice.api.post("/api/trading/start", {"name": "a\0b", "symbol": "BTC/USDT"}),
        alice.api.get("/api/v1/candles", {"exchange": "mock", "symbol": "a\0b"}),
    )
    for answer in answers:
        assert (answer.status_code, answer.json()["detail"]) == (400, "Null characters are not allowed.")


def test_a_wrong_password_is_not_called_a_token(nobody):
    basic = {"HTTP_AUTHORIZATION": "Basic " + b64encode(b"somebody:wrong").decode()}
    assert "password is wrong" in nobody.post("/api/v1/auth/token", **basic).json()["detail"]


def test_a_post_from_a_page_needs_its_csrf_token(alice):
    from rest_framework.test import APIClient

    browser = APIClient(enforce_csrf_checks=True)
    browser.force_login(alice.user, backend="django.contrib.auth.backends.ModelBackend")
    assert browser.post(f"/api/v1/bots/{alice.bot.pk}/start").status_code == 403


def test_the_description_has_no_warnings(alice, capsys):
    from django.core.management import call_command

    call_command("spectacular", "--fail-on-warn", "--validate", "--file", "/dev/null")
    docs = alice.api.get("/api/docs/")
    assert "'unsafe-inline'" in docs["Content-Security-Policy"]
    assert "cdn" not in docs.content.decode()
    assert alice.api.get("/api/schema/").status_code == 200
