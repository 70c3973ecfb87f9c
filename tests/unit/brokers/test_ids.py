"""Order ids in venues' forms, and back."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.brokers.ccxt.ids import IdForm, from_venue, to_venue


@given(order_id=st.uuids(), form=st.sampled_from(IdForm))
def test_every_form_leads_back_to_the_order(order_id: UUID, form: IdForm) -> None:
    text = to_venue(order_id, form)
    assert from_venue(text) == order_id.hex
    assert text == text.lower()
    assert len(text) <= {IdForm.HEX: 32, IdForm.UUID: 36, IdForm.SHORT: 26, IdForm.GATE: 28}[form]


@pytest.mark.parametrize("text", ["", "web_abc", "x-12345", "z" * 32, "1" * 26, "t-" + "0" * 26])
def test_what_somebody_else_wrote_stays_as_it_is(text: str) -> None:
    assert from_venue(text) == text


def test_none_is_nobodys() -> None:
    assert from_venue(None) == ""
