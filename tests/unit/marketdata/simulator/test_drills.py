"""The guide's drills and the catalog of faults name the same things."""

import re
from pathlib import Path

from marketdata.simulator.fault_catalog import Fault
from marketdata.simulator.order_fault_catalog import ORDER_MEANINGS

GUIDE = (Path(__file__).resolve().parents[4] / "docs/operations.md").read_text()


def test_every_fault_of_orders_is_in_the_guide() -> None:
    named = set(re.findall(r"`([a-z_]+)[`:]", GUIDE))
    assert {fault.value for fault in ORDER_MEANINGS} - named == set()


def test_the_guide_names_no_fault_that_there_is_not() -> None:
    drilled = re.findall(r"^\| [^|]+ \| (`[^|]+) \|", GUIDE, re.MULTILINE)
    names = {name for cell in drilled for name in re.findall(r"`([a-z]+_[a-z_]+)[`:]", cell)}
    assert len(names) > 40
    assert names - {fault.value for fault in Fault} == set()
