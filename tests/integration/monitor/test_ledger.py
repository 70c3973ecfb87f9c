"""A broken ledger is told to everybody; a clean one to nobody."""

import json
import os
from datetime import UTC, datetime

import redis

from bots.broadcast import ALL_STREAM
from bots.models import Account, AuditEntry, Balance, Order
from bots.monitor.ledger import check_ledger
from tests.integration.monitor.scene import Scene

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)


def alerts() -> list[dict[str, str]]:
    with redis.Redis.from_url(os.environ["REDIS_URL"]) as connection:
        return [json.loads(fields[b"payload"])["data"] for _, fields in connection.xrange(ALL_STREAM)]


def test_a_clean_ledger_is_silent(scene: Scene) -> None:
    scene.hold()
    assert check_ledger(now=NOW) == []
    assert alerts() == []


def test_a_planted_unit_of_money_is_found_and_told(scene: Scene) -> None:
    Balance.objects.filter(asset="USDT").update(total=10_001)
    broken = check_ledger(now=NOW)
    assert {row.code for row in broken} >= {"I12"}
    assert [alert["code"] for alert in alerts()] == ["ledger_broken"]
    assert f"broken in {len(broken)} rows" in alerts()[0]["text"]


def test_the_account_whose_books_do_not_add_up_only_leaves_what_it_holds(scene: Scene) -> None:
    scene.hold()
    Balance.objects.filter(asset="USDT").update(total=10_001)
    check_ledger(now=NOW)
    account = Account.objects.get(pk=scene.cast.account.pk)
    assert (account.ladder, "its ledger is broken" in account.ladder_reason) == ("reduce", True)
    check_ledger(now=NOW)
    assert AuditEntry.objects.filter(action="kill_switch.engage", target=f"account:{account.pk}").count() == 1


def test_a_broken_order_restricts_its_account_and_no_other(scene: Scene) -> None:
    other = Account.objects.create(owner=scene.cast.alice, name="Other", exchange=scene.cast.exchange, opening_cash=0)
    scene.hold()
    Order.objects.update(commission=7)
    assert [row.row.split()[0] for row in check_ledger(now=NOW)] == ["order"]
    assert Account.objects.get(pk=scene.cast.account.pk).ladder == "reduce"
    assert Account.objects.get(pk=other.pk).ladder == "active"
