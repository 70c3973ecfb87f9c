from typing import Any

import pytest

from marketdata.events import Sentiment
from marketdata.sources.answers import MalformedAnswer
from marketdata.sources.fear_greed import read_index


def test_days_come_oldest_first():
    body = b"""{"name":"Fear and Greed Index","data":[
        {"value":"40","value_classification":"Fear","timestamp":"1551157200","time_until_update":"68499"},
        {"value":"47","value_classification":"Neutral","timestamp":"1551070800"}],"metadata":{"error":null}}"""
    who: dict[str, Any] = {"exchange": "here", "symbol": "CRYPTO", "ts_init": 1}
    assert read_index(body, source="here", ts_init=1) == [
        Sentiment(**who, index=47.0, ts_event=1551070800_000_000_000),
        Sentiment(**who, index=40.0, ts_event=1551157200_000_000_000),
    ]


@pytest.mark.parametrize(
    "day", ['"value":"101","timestamp":"1551157200"', '"value":"-1","timestamp":"1551157200"',
            '"value":"NaN","timestamp":"1551157200"', '"value":"","timestamp":"1551157200"',
            '"value":"40","timestamp":"1551157200000"', '"value":"40"']
)  # fmt: skip
def test_nonsense_is_refused(day):
    with pytest.raises(MalformedAnswer):
        read_index(f'{{"data":[{{{day}}}]}}'.encode(), source="here", ts_init=1)
