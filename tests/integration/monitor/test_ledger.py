"""A broken ledger is told to everybody; a clean one to nobody."""

import json
import os

import redis

from bots.broadcast import ALL_STREAM
from bots.models import Balance
from bots.monitor.ledger import check_ledger
from tests.integration.monitor.scene import Scene


def alerts() -> list[dict[str, str]]:
    with redis.Redis.from_url(os.environ["REDIS_URL"]) as connection:
        return [json.loads(fields[b"payload"])["data"] for _, fields in connection.xrange(ALL_STREAM)]


def test_a_clean_ledger_is_silent(scene: Scene) -> None:
    scene.hold()
    assert check_ledger() == []
    assert alerts() == []


def test_a_planted_unit_of_money_is_found_and_told(scene: Scene) -> None:
    Balance.objects.filter(asset="USDT").update(total=10_001)
    broken = check_ledger()
    assert {row.code for row in broken} >= {"I12"}
    assert [alert["code"] for alert in alerts()] == ["ledger_broken"]
    assert f"broken in {len(broken)} rows" in alerts()[0]["text"]
