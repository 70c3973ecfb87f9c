"""Signals that have no history yet say what is missing, and never a number."""

from marketdata.events import Funding, OpenInterest, OptionsSummary, Sentiment
from quant.signals.open_interest import OpenInterestSignal
from quant.signals.options_flow import OptionsFlowSignal
from quant.signals.sentiment import SentimentSignal
from tests.unit.quant.market import IDS, START

AT = {**IDS, "ts_event": START, "ts_init": START}


def test_open_interest_names_what_it_lacks():
    signal = OpenInterestSignal()
    assert signal.read().reason == "no data: open interest and funding"
    signal.update(OpenInterest(contracts=5.0, **AT))
    assert signal.read().reason == "no data: funding"
    signal.update(Funding(rate=1e-4, interval_h=8.0, **AT))
    reading = signal.read()
    assert (reading.value, reading.quality, reading.as_of, reading.n_obs) == (None, 0.0, START, 1)
    assert reading.reason == "no data: a history of 7 days to compare with"


def test_options_flow_names_what_it_lacks():
    signal = OptionsFlowSignal()
    assert signal.read().reason == "no data: option chain"
    signal.update(OptionsSummary(iv_atm_30d=0.5, risk_reversal_25d=0.01, put_volume=1.0, call_volume=2.0, **AT))
    assert signal.read().reason == "no data: a history of 30 days to compare with"
    assert signal.read().value is None


def test_sentiment_names_what_it_lacks():
    signal = SentimentSignal()
    assert signal.read().reason == "no data: fear and greed index, headlines"
    signal.update(Sentiment(index=20.0, **AT))
    assert signal.read().reason == "no data: a history of 90 days to compare with"
    signal.update(Sentiment(index=float("nan"), **AT))
    assert signal.read().n_obs == 1
