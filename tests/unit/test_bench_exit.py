"""`make bench` fails where a row is over its budget, and names each."""

import os
import sys
from types import SimpleNamespace

import pytest

from tests.benchmarks import __main__ as bench
from tests.benchmarks.rows import Row


@pytest.mark.parametrize(("value", "code"), [(1.0, 0), (3.0, 1)])
def test_the_exit_code_tells_whether_all_kept_their_budgets(value, code, tmp_path, monkeypatch, capsys):
    rows = {
        "feed.quick": Row(value=1.0, unit="µs", floor=1.0, budget=2.0),
        "feed.other": Row(value=value, unit="µs", floor=1.0, budget=2.0),
    }
    monkeypatch.setitem(sys.modules, "tests.benchmarks.feed", SimpleNamespace(run=lambda: rows))
    monkeypatch.setattr(bench, "REPORT", tmp_path / "bench.json")
    monkeypatch.setattr(sys, "argv", ["bench", "feed"])
    assert bench.main() == code
    end = capsys.readouterr().out.splitlines()[-1]
    assert end == ("  feed.other" if code else f"2 rows on {os.cpu_count()} cores, 0 over budget.")
