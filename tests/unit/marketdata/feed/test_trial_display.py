"""What testfeed says to programs."""

import json

from marketdata.feed.trial_display import JsonAudience
from tests.unit.marketdata.cast import minute


def test_a_closed_bar_is_an_object_with_its_own_fields(capsys):
    JsonAudience().bar(minute(1, close=101.5))
    said = json.loads(capsys.readouterr().out)
    assert (said["event"], said["timeframe"], said["close"], said["closed"]) == ("bar", "1m", 101.5, True)
