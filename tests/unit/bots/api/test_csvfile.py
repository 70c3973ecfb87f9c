"""Spreadsheets open these files."""

from decimal import Decimal

import pytest

from bots.api.csvfile import csv_lines, safe_cell


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\0=1"])
def test_text_that_could_be_a_formula_is_quoted(text):
    assert safe_cell(text).startswith("'")


def test_numbers_stay_numbers():
    assert safe_cell(Decimal("-5.500")) == "-5.5"
    assert safe_cell(Decimal("3E+2")) == "300"
    assert safe_cell(7) == 7
    assert safe_cell("BTC/USDT") == "BTC/USDT"


def test_lines():
    assert list(csv_lines(["a", "b"], [["x,y", Decimal("1.0")]])) == ["a,b\r\n", '"x,y",1\r\n']
