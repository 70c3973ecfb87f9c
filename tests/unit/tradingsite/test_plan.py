"""Which processes run, and that long jobs cannot stand before the monitor."""

from tradingsite.local.charts import install_charts
from tradingsite.local.plan import plan


def test_each_queue_has_one_worker_that_takes_one_task_at_a_time():
    children = {child.name: child.command for child in plan(host="127.0.0.1", port=8000)}
    for queue in ("monitor", "jobs"):
        command = children[queue]
        assert command[command.index("-Q") + 1] == queue
        assert command[command.index("--prefetch-multiplier") + 1] == "1"


def test_without_the_chart_library_the_rest_goes_on_and_it_is_said(tmp_path):
    said = install_charts(tmp_path)
    assert said is not None
    assert "Everything but the charts works" in said
