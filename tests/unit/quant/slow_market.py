"""Slow observations of BTC for tests: weeks of derivatives, option chains, fear & greed and headlines."""

import numpy as np

from marketdata.events import (
    Event,
    Funding,
    Headline,
    LongShort,
    OpenInterest,
    OptionsFlow,
    OptionsSummary,
    Premium,
    Sentiment,
    VolatilityIndex,
)
from tests.unit.quant.market import SECOND, START

MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
SOURCE = {"exchange": "binance-futures", "symbol": "BTC"}


def at(ts, **changed):
    return {**SOURCE, "ts_event": ts, "ts_init": ts, **changed}


def derivatives(days, *, end=START, seed=1, every=5 * MINUTE, mirrored=False) -> list[Event]:
    """Price and premium, open interest, ratios every five minutes, funding every eight hours, oldest first.

    `mirrored` turns every direction round: returns, premiums, funding and ratios.
    """
    rng = np.random.default_rng(seed)
    sign = -1.0 if mirrored else 1.0
    log_price, log_interest, accounts, top = np.log(40_000.0), 11.0, 0.0, 0.0
    events: list[Event] = []
    start = end - days * DAY
    for i in range(days * DAY // every + 1):
        ts = start + i * every
        steps = rng.normal(0, 1, 6).tolist()
        log_price += sign * 1e-3 * steps[0]
        log_interest += 1e-3 * steps[1]
        accounts = 0.99 * accounts + sign * 0.02 * steps[2]
        top = 0.99 * top + sign * 0.02 * steps[3]
        price = float(np.exp(log_price))
        premium = float(np.exp(sign * 3e-4 * steps[4]))
        events.append(Premium(mark=price * premium, index=price, **at(ts)))
        events.append(OpenInterest(contracts=float(np.exp(log_interest)), **at(ts)))
        events.append(LongShort(scope="accounts", ratio=float(np.exp(accounts)), **at(ts)))
        events.append(LongShort(scope="top_positions", ratio=float(np.exp(top)), **at(ts)))
        if ts // (8 * HOUR) != (ts - every) // (8 * HOUR):
            events.append(Funding(rate=sign * 1e-4 * steps[5], interval_h=8.0, **at(ts)))
    return events


def summary(ts, **changed):
    fields = {"iv_atm_30d": 0.5, "risk_reversal_25d": 0.01, "put_volume": 4e3, "call_volume": 6e3, "strikes": 30}
    return OptionsSummary(**{**fields, **at(ts, exchange="deribit"), **changed})


def options(days, *, end=START, seed=1, every=15 * MINUTE, mirrored=False) -> list[Event]:
    """A chain every `every`, and the taker flow of every minute of the last two days."""
    rng = np.random.default_rng(seed)
    sign = -1.0 if mirrored else 1.0
    events: list[Event] = []
    for i in range(days * DAY // every + 1):
        ts = end - days * DAY + i * every
        a, b = rng.normal(0, 1, 2).tolist()
        puts, calls = 5e3 * np.exp(0.2 * sign * a), 5e3
        events.append(
            summary(ts, risk_reversal_25d=sign * 0.02 * b, put_volume=float(puts), call_volume=calls, iv_7d=0.6)
        )
    for i in range(2 * DAY // MINUTE + 1):
        net = sign * float(rng.normal(0, 3))
        ts = end - 2 * DAY + i * MINUTE
        events.append(OptionsFlow(net_delta=net, gross_delta=abs(net), trades=3, **at(ts, exchange="deribit")))
    return sorted(events, key=lambda event: event.ts_event)


def index(ts, value):
    return Sentiment(exchange="alternative", symbol="CRYPTO", index=value, ts_event=ts, ts_init=ts)


def headline(ts, title, *, symbol="BTC"):
    return Headline(exchange="rss", symbol=symbol, title=title, link="", ts_event=ts, ts_init=ts)


def implied(ts, value):
    return VolatilityIndex(value=value, **at(ts, exchange="deribit"))


def everything(days, *, end=START) -> list[Event]:
    """All of the above in the order of time."""
    titles = ("Bitcoin surges", "Exchange hacked", "Bitcoin to the moon", "Longs liquidated as BTC drops")
    events = derivatives(days, end=end, every=15 * MINUTE) + options(days, end=end, every=HOUR)
    events += [index(end - i * DAY, 20.0 + 9.0 * (i % 8)) for i in range(days)]
    events += [implied(end - i * HOUR, 0.5) for i in range(48)]
    events += [headline(end - i * 20 * MINUTE, f"{titles[i % 4]} {i}") for i in range(60)]
    return sorted(events, key=lambda event: event.ts_event)
