"""An account's peak is followed, and a fall too deep from it restricts the whole account to exits."""

from decimal import Decimal

from bots.models import Account, AuditEntry, Position
from bots.monitor.accounts import watch_accounts
from bots.orders.times import to_datetime
from tests.integration.monitor.scene import Scene

D = Decimal


def look(scene: Scene) -> Account:
    watch_accounts(now=to_datetime(scene.now_ns))
    return Account.objects.get()


def test_the_peak_follows_cash_and_positions_at_their_marks(scene: Scene) -> None:
    assert look(scene).peak_equity == D(10_000)
    scene.hold()
    Position.objects.update(mark_price=D(200_000))
    # 9,700 in cash, and 0.002997 at 200,000.
    risen = look(scene)
    assert risen.peak_equity == D("10299.4")
    Position.objects.update(mark_price=D(100_000))
    assert look(scene).peak_equity == D("10299.4")
    assert risen.peak_since == to_datetime(scene.now_ns)


def test_a_fall_too_deep_restricts_the_account_once_and_says_so(scene: Scene) -> None:
    look(scene)
    Account.objects.update(peak_equity=D(11_112))
    account = look(scene)
    assert (account.ladder, "10.01 % below its peak of 11112.00" in account.ladder_reason) == ("reduce", True)
    look(scene)
    entry = AuditEntry.objects.get(action="kill_switch.engage")
    assert (entry.target, entry.actor) == (f"account:{account.pk}", None)
    assert [data["code"] for data in scene.told("alert")] == ["account_drawdown"]


def test_a_stricter_step_stays_and_a_limit_of_zero_is_none(scene: Scene) -> None:
    Account.objects.update(peak_equity=D(20_000), ladder="flatten")
    assert look(scene).ladder == "flatten"
    Account.objects.update(ladder="active", maximum_drawdown=D(0))
    assert look(scene).ladder == "active"


def test_the_monitor_looks_at_accounts_without_positions_too(scene: Scene) -> None:
    Account.objects.update(peak_equity=D(20_000))
    assert scene.watch().restricted == 1


def test_where_its_owner_asked_for_it_a_drawdown_closes_everything(scene: Scene) -> None:
    Account.objects.update(peak_equity=D(20_000), on_drawdown="flatten", ladder="reduce")
    assert look(scene).ladder == "flatten"


def test_where_its_owner_asked_for_it_a_days_loss_closes_everything(scene: Scene) -> None:
    scene.hold()
    # 0.002997 fell by some 60 %: 180 of 10,000.
    Position.objects.update(mark_price=D(40_000))
    Account.objects.update(daily_loss_limit=D("0.01"))
    assert look(scene).ladder == "active"
    Account.objects.update(on_daily_loss="flatten")
    account = look(scene)
    assert (account.ladder, "a loss beyond 1.00 %" in account.ladder_reason) == ("flatten", True)
    assert [data["code"] for data in scene.told("alert")] == ["account_daily_loss"]
