"""What a stream's entry says."""

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

from bots.integration_streams.fields import text_of


def test_values_are_text_that_any_language_reads():
    assert text_of(None) == ""
    assert text_of("a b") == "a b"
    assert text_of(Decimal("0.003000000000")) == "0.003"
    assert text_of(Decimal("1E+3")) == "1000"
    assert text_of(7) == "7"
    assert text_of(0.25) == "0.25"
    assert text_of({"because": "a fill"}) == '{"because":"a fill"}'
    assert text_of(datetime(2026, 1, 2, tzinfo=UTC)) == "2026-01-02T00:00:00+00:00"
    assert text_of(UUID(int=255)) == "000000000000000000000000000000ff"
