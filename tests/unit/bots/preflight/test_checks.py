"""Each check: what is well, what is told, what refuses."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from bots.preflight.checks import LIVE, VENUE, examine
from bots.preflight.facts import Facts, KeyFacts, PaperRecord, SymbolFacts, VenueFacts
from bots.preflight.result import Level, Result

D = Decimal
BTC = SymbolFacts(
    symbol="BTC/USDT",
    has_rules=True,
    rules_age_s=600,
    feed_state="live",
    feed_age_s=0.4,
    tick_age_s=0.2,
    has_model=True,
)
KEY = KeyFacts(can_trade=True, can_withdraw=False, is_ip_bound=True)
GOOD = Facts(
    mode="live",
    account="Real",
    exchange="Binance",
    quote="USDT",
    symbols=(BTC,),
    size=D(900),
    size_of_others=D(0),
    limits={"stop loss": D("0.02"), "daily loss": D("0.03"), "position value": D(300)},
    paper=PaperRecord(trades=40, days=9, pnl=D("12.50"), quote="USDT"),
    paper_trades_needed=30,
    paper_days_needed=7,
    weighs_model=True,
    venue=VenueFacts(offset_ms=12, key=KEY, free_cash=D(1000)),
    site_url="https://bots.example.org",
    is_live=True,
)


def with_(**changes: Any) -> Facts:
    """GOOD with changes; those of the venue, of BTC and of the paper record by their own names."""
    parts = {"venue": VenueFacts, "btc": SymbolFacts, "paper": PaperRecord}
    facts = GOOD
    for part, kind in parts.items():
        mine = {
            name: changes.pop(name)
            for name in list(changes)
            if name in kind.__struct_fields__ and name not in Facts.__struct_fields__
        }
        if mine and part == "btc":
            facts = msgspec.structs.replace(facts, symbols=(msgspec.structs.replace(BTC, **mine),))
        elif mine:
            facts = msgspec.structs.replace(facts, **{part: msgspec.structs.replace(getattr(facts, part), **mine)})
    return msgspec.structs.replace(facts, **changes)


def of(facts: Facts, name: str) -> Result:
    return next(result for result in examine(facts) if result.name == name)


def test_a_bot_with_everything_in_order_passes():
    assert {result.level for result in examine(GOOD)} == {Level.OK}
    assert len(examine(GOOD)) == len(LIVE)


@pytest.mark.parametrize(
    ("name", "changes", "level", "seen"),
    [
        ("API key", {"key_error": "sealed with key abc"}, "failed", "sealed with key abc"),
        ("API key", {"venue": None}, "failed", "not looked at"),
        ("API key", {"key": None, "error": "timed out"}, "failed", "timed out"),
        ("API key", {"key": KeyFacts(can_trade=True, can_withdraw=True, is_ip_bound=True)}, "failed", "may withdraw"),
        ("API key", {"key": KeyFacts(can_trade=False, can_withdraw=False, is_ip_bound=True)}, "failed", "may not trade"),
        ("API key", {"key": KeyFacts(can_trade=None, can_withdraw=False, is_ip_bound=True)}, "warning", "trading"),
        ("API key", {"key": KeyFacts(can_trade=True, can_withdraw=None, is_ip_bound=None)}, "warning", "withdrawing"),
        ("API key", {"key": KeyFacts(can_trade=True, can_withdraw=False, is_ip_bound=False)}, "warning", "any address"),
        ("API key", {"key": KeyFacts(can_trade=True, can_withdraw=False, is_ip_bound=None)}, "ok", "cannot withdraw"),
        ("clock", {"offset_ms": None}, "failed", "did not tell"),
        ("clock", {"offset_ms": -250.0}, "ok", "-250 ms"),
        ("clock", {"offset_ms": 250.5}, "warning", "ms from"),
        ("clock", {"offset_ms": -500.0}, "warning", "-500 ms"),
        ("clock", {"offset_ms": 501.0}, "failed", "+501 ms"),
        ("balance", {"free_cash": None}, "failed", "did not tell"),
        ("balance", {"free_cash": D("899.99")}, "failed", "899.99 USDT free; the bot may use 900"),
        ("balance", {"free_cash": D(900)}, "ok", "900 USDT"),
        ("balance", {"free_cash": D(1000), "size_of_others": D(101)}, "warning", "other bots up to 101"),
        ("instrument rules", {"symbols": ()}, "failed", "no instruments"),
        ("instrument rules", {"has_rules": False}, "failed", "none for BTC/USDT"),
        ("instrument rules", {"rules_age_s": 86_401}, "failed", "24 h old"),
        ("instrument rules", {"rules_age_s": 3601}, "warning", "60 min old"),
        ("prices", {"feed_age_s": None}, "failed", "no running feed of Binance for BTC/USDT"),
        ("prices", {"feed_age_s": 6.0}, "failed", "no running feed"),
        ("prices", {"symbols": ()}, "failed", "anything"),
        ("prices", {"feed_state": "stale", "feed_reason": "silent"}, "failed", "BTC/USDT is stale (silent)"),
        ("prices", {"tick_age_s": None}, "failed", "no price for more than 60 s of BTC/USDT"),
        ("prices", {"tick_age_s": 61.0}, "failed", "no price"),
        ("prices", {"feed_state": "fallback"}, "warning", "BTC/USDT by REST"),
        ("limits", {"limits": {"stop loss": D("0.02"), "daily loss": D(0)}}, "failed", "not set: daily loss"),
        ("paper record", {"trades": 29}, "failed", "29 of 30 closed trades, 9.0 of 7 days"),
        ("paper record", {"days": 6.9}, "failed", "6.9 of 7 days"),
        ("paper record", {"pnl": D("-0.01")}, "warning", "-0.01 USDT after fees"),
        ("paper record", {"trades": 0, "days": 0.0, "mode": "sandbox"}, "warning", "0 of 30"),
        ("model", {"has_model": False}, "failed", "none in canary or live for BTC/USDT"),
        ("model", {"has_model": False, "weighs_model": False}, "ok", "weighs none"),
        ("kill switch", {"restriction": "Real is on pause (me)"}, "warning", "Real is on pause"),
        ("site", {"site_url": "http://localhost:8000"}, "failed", "SITE_URL is http"),
        ("going live", {"is_live": False}, "failed", "Real has not gone live"),
    ],
)  # fmt: skip
def test_what_is_seen_and_how_grave_it_is(name, changes, level, seen):
    result = of(with_(**changes), name)
    assert (result.level, seen in result.seen) == (level, True), result
    assert bool(result.advice) == (level != "ok")


def test_a_sandbox_needs_neither_https_nor_a_typed_name():
    results = examine(with_(mode="sandbox", site_url="http://localhost", is_live=False))
    assert len(results) == len(VENUE)
    assert {result.level for result in results} == {Level.OK}


def test_paper_is_told_and_never_refused():
    facts = with_(mode="paper", venue=None, has_model=False, feed_age_s=None, rules_age_s=1e9)
    results = examine(facts)
    assert {result.level for result in results} == {Level.WARNING, Level.OK}
    assert {result.name for result in results} == {"instrument rules", "prices", "model", "kill switch"}


def test_many_symbols_are_named_in_part():
    many = tuple(msgspec.structs.replace(BTC, symbol=f"S{number}/USDT", feed_age_s=None) for number in range(8))
    assert "S0/USDT, S1/USDT, S2/USDT, S3/USDT, S4/USDT and 3 more" in of(with_(symbols=many), "prices").seen


def test_limits_are_told_as_people_write_them():
    assert of(GOOD, "limits").seen == "stop loss 2 %, daily loss 3 %, position value 300"
