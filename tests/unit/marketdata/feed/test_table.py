"""What a terminal shows of a feed, as text."""

import io

import pytest
from rich.console import Console

from marketdata.feed.table import Row, Venue, header, render

SIMULATED = Venue(exchange="simulated", environment="simulated")
BINANCE = Venue(exchange="binance", environment="live")
BTC = Row(
    exchange="binance", symbol="BTC/USDT", state="live", source="websocket", last=61_102.7, age_s=0.2,
    messages_per_s=14.1, lag_p50_ms=12.0, lag_p95_ms=38.0, reconnects=1, bots=2,
)  # fmt: skip
NO_SUCH = Row(exchange="binance", symbol="NO/SUCH", state="unknown_symbol", reason="did you mean BTC/USDT?", bots=1)


def shown(venues, rows, *, width=130, height=30) -> list[str]:
    out = io.StringIO()
    Console(file=out, width=width, height=height, color_system=None, highlight=False).print(
        render("runfeed", venues, rows, width=width, height=height)
    )
    return [line.rstrip() for line in out.getvalue().splitlines()]


def words(line: str) -> list[str]:
    return line.split()


def test_the_header_names_venue_environment_symbols_and_where_to_ask_for_health():
    text = header("0.3", [BINANCE], symbols=2, pid=4312, health="127.0.0.1:9101")
    assert text == "runfeed 0.3 · binance · live · 2 symbols · pid 4312 · health :9101"
    assert header("0.3", [SIMULATED], symbols=1, pid=1, health="") == "runfeed 0.3 · simulated · 1 symbol · pid 1"


def test_a_process_that_stands_by_says_so():
    standby = Venue(exchange="binance", environment="live", is_standby=True)
    assert "standby" in header("0.3", [standby], symbols=0, pid=1, health="")
    assert shown([standby], [])[1] == "Another process leads. This one takes over when that one ends."


def test_a_wide_terminal_has_every_column():
    _, heads, btc = shown([BINANCE], [BTC])
    assert words(heads) == words("SYMBOL LAST AGE MSG/S LAG p50 p95 GAPS RECONN STATE SOURCE BOTS")
    assert words(btc) == words("BTC/USDT 61,102.70 0.2s 14.1 12 ms 38 ms 0 1 live websocket 2")


@pytest.mark.parametrize("width", [80, 100])
def test_a_narrow_one_leaves_out_what_is_missed_least_and_breaks_no_line(width):
    lines = shown([BINANCE], [BTC, NO_SUCH], width=width)
    assert words(lines[1])[:9] == words("SYMBOL LAST AGE MSG/S LAG p95 GAPS RECONN STATE")
    assert max(map(len, lines)) <= width
    assert len(lines) == 5


def test_several_exchanges_are_told_apart():
    eth = Row(exchange="simulated", symbol="BTC/USDT", state="live")
    _, heads, first, second = shown([BINANCE, SIMULATED], [BTC, eth])
    assert words(heads)[0] == "EXCHANGE"
    assert (words(first)[0], words(second)[0]) == ("binance", "simulated")


def test_what_is_wrong_is_told_in_words_below():
    denied = Venue(exchange="upstox", environment="live", trouble="the token has expired")
    lines = shown([denied], [BTC, NO_SUCH])
    assert "upstox does not let us in: the token has expired" in lines
    assert "NO/SUCH unknown: did you mean BTC/USDT?" in lines


def test_many_unknown_symbols_share_one_line_with_the_first_five():
    many = [Row(exchange="binance", symbol=f"N{number}/X", state="unknown_symbol", reason="why") for number in range(7)]
    stale = Row(exchange="binance", symbol="BTC/USDT", state="stale", reason="no data for 2.0 s")
    lines = shown([BINANCE], [*many, stale])
    assert lines[-2:] == [
        "BTC/USDT stale: no data for 2.0 s",
        "not listed by the venue: N0/X, N1/X, N2/X, N3/X, N4/X and 2 more",
    ]


def test_what_a_venue_says_is_no_markup():
    odd = Row(exchange="binance", symbol="[red]X[/]/Y", state="stale", reason="[bold]no[/bold] [/] data")
    lines = shown([BINANCE], [odd])
    assert words(lines[2])[0] == "[red]X[/]/Y"
    assert lines[3] == "[red]X[/]/Y stale: [bold]no[/bold] [/] data"


def test_more_symbols_than_lines_are_counted():
    many = [Row(exchange="binance", symbol=f"S{number}/USDT", state="live") for number in range(100)]
    lines = shown([BINANCE], many, height=20)
    assert len(lines) < 20
    assert "and 84 more" in lines[-1]


def test_columns_do_not_move_when_figures_change():
    small = Row(exchange="binance", symbol="BTC/USDT", state="live", last=1.0, age_s=0.1, source="websocket", bots=0)
    assert shown([BINANCE], [small])[1] == shown([BINANCE], [BTC])[1]


def test_without_anything_to_follow_it_says_what_to_do():
    assert "start a bot" in shown([BINANCE], [])[1]
    assert "enable or add one" in shown([], [])[1]
