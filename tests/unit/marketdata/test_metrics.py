"""Feeds as Prometheus reads them: parsed by its own reader."""

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from marketdata.feed.presence import Leader
from marketdata.metrics import MAX_SYMBOLS, SymbolFigures, VenueFigures, symbol_families, venue_families


def figures(symbol="BTC/USDT", **changed) -> SymbolFigures:
    fields = {
        "exchange": "binance", "symbol": symbol, "state": "live", "tick_age_s": 0.25, "lag_p50_ms": 12.0,
        "lag_p95_ms": 38.0, "messages": 1_000, "gaps": 2, "reconnects": 3, "rejected": 4,
    }  # fmt: skip
    return SymbolFigures(**fields | changed)


def read(families) -> dict:
    """(name, label values by label) → value, as Prometheus would."""

    class Given(Collector):
        def collect(self):
            return families

    registry = CollectorRegistry(auto_describe=False)
    registry.register(Given())
    text = generate_latest(registry).decode()
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_a_symbol_has_age_state_lag_and_counters():
    btc = ("binance", "BTC/USDT")
    assert read(symbol_families([figures()])) == {
        ("feed_last_tick_age_seconds", *btc): 0.25,
        ("feed_state", "binance", "live", "BTC/USDT"): 1,
        ("feed_lag_seconds", "binance", "0.5", "BTC/USDT"): 0.012,
        ("feed_lag_seconds", "binance", "0.95", "BTC/USDT"): 0.038,
        ("feed_messages_total", *btc): 1_000,
        ("feed_gap_total", *btc): 2,
        ("feed_reconnects_total", *btc): 3,
        ("feed_rejected_total", *btc): 4,
        ("feed_symbols_left_out",): 0,
    }


def test_what_is_not_known_is_left_out_rather_than_invented():
    values = read(symbol_families([figures(tick_age_s=None, lag_p50_ms=None, lag_p95_ms=None)]))
    assert not [name for name, *_ in values if name in ("feed_last_tick_age_seconds", "feed_lag_seconds")]


def test_labels_survive_quotes_and_line_breaks():
    values = read(symbol_families([figures(symbol='A"B\\\nC')]))
    assert ("feed_messages_total", "binance", 'A"B\\\nC') in values


def test_there_are_no_more_series_than_a_bound():
    values = read(symbol_families([figures(symbol=f"S{number}") for number in range(MAX_SYMBOLS + 5)]))
    assert sum(name == "feed_messages_total" for name, *_ in values) == MAX_SYMBOLS
    assert values["feed_symbols_left_out",] == 5


def test_a_venue_has_its_leader_and_what_became_of_its_events():
    leader = Leader(holder="vm:1", clock_offset_ms=12.0, denied="expired", published=10, dropped=1, malformed=2)
    led = VenueFigures(exchange="binance", leads=True, unknown_symbols=1, leader=leader)
    alone = VenueFigures(exchange="kraken", leads=False, unknown_symbols=0, leader=None)
    assert read(venue_families([led, alone])) == {
        ("feed_leader", "binance"): 1,
        ("feed_leader", "kraken"): 0,
        ("feed_unknown_symbols", "binance"): 1,
        ("feed_unknown_symbols", "kraken"): 0,
        ("feed_not_allowed", "binance"): 1,
        ("feed_clock_offset_seconds", "binance"): 0.012,
        ("feed_published_total", "binance"): 10,
        ("feed_dropped_total", "binance"): 1,
        ("feed_malformed_total", "binance"): 2,
    }
