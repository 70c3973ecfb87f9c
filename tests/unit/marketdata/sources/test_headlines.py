import pytest

from marketdata.sources.answers import MalformedAnswer
from marketdata.sources.keys import title_key
from marketdata.sources.rss.assets import assets_in
from marketdata.sources.rss.headlines import OLDEST_NS, clean, headlines, read_items

NOW_NS = 1_750_000_000_000_000_000


def feed(*items: str) -> bytes:
    return f'<?xml version="1.0"?><rss version="2.0"><channel><title>x</title>{"".join(items)}</channel></rss>'.encode()


def item(title: str, more: str = "") -> str:
    return f"<item><title>{title}</title><link>https://example.org/a</link>{more}</item>"


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Bitcoin rises above $100K", ["BTC"]),
        ("BTC and ETH fall", ["BTC", "ETH"]),
        ("Bitcoin Cash forks again", ["BCH"]),
        ("Bitcoin Cash and Bitcoin part", ["BCH", "BTC"]),
        ("Ethereum Classic miners leave", ["ETC"]),
        ("Together we stand: a soldier's solace", []),
        ("A link to the dot near one gas station", []),
        ("$LINK jumps", ["LINK"]),
        ("Chainlink partners with a bank", ["LINK"]),
        ("sol is the sun, SOL is not", ["SOL"]),
        ("WIF doubles", ["WIF"]),
        ("wif in small letters", []),
        ("Nothing about anything", []),
    ],
)
def test_what_a_title_is_about(title, expected):
    assert assets_in(title, ["WIF", "ONE", "GAS"]) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<b>Bold</b> &amp; plain", "Bold & plain"),
        ("&lt;script&gt;alert(1)&lt;/script&gt;News", "alert(1) News"),
        ("&amp;lt;img src=x onerror=alert(1)&amp;gt;News", "News"),
        ("a\x00b\x1b[31mc\u202egnp.exe\u2066\ufeff", "a b [31mcgnp.exe"),
        ("  many \n\t spaces\u2028here ", "many spaces here"),
        ("<unclosed tag News", "unclosed tag News"),
        ("", ""),
        ("é" * 400, "é" * 299 + "…"),
    ],
)
def test_titles_are_plain_text(text, expected):
    assert clean(text) == expected


@pytest.mark.parametrize("hostile", ["<" * 100_000, "&" * 100_000, "&lt;" * 50_000, "<a" * 50_000, "\u202e" * 9_000])
def test_cleaning_ends_and_leaves_no_tag(hostile):
    assert not {"<", ">"} & set(clean(hostile))
    assert len(clean(hostile)) <= 300


def test_a_feed():
    body = feed(
        item("ETH &amp;amp; SOL <![CDATA[<i>rally</i>]]>", "<pubDate>Sat, 14 Jun 2025 06:13:20 GMT</pubDate>"),
        item("Weather"),
        item("   "),
    )
    first, second = read_items(body)
    assert (first.title, first.published_ns) == ("ETH & SOL rally", 1_749_881_600_000_000_000)
    assert (second.title, second.published_ns) == ("Weather", 0)
    events = headlines([first, second], assets=["ETH"], source="news", ts_init=NOW_NS)
    assert [(event.symbol, event.ts_event) for event in events] == [
        ("ETH", first.published_ns), ("SOL", first.published_ns), ("CRYPTO", NOW_NS),
    ]  # fmt: skip
    assert events[0].link == "https://example.org/a"


def test_atom():
    body = b"""<feed xmlns="http://www.w3.org/2005/Atom"><entry><title type="html">&lt;b&gt;BTC&lt;/b&gt; up</title>
        <link href="javascript:alert(1)"/><updated>2025-06-14T06:13:20Z</updated></entry></feed>"""
    (only,) = read_items(body)
    assert (only.title, only.link, only.published_ns) == ("BTC up", "", 1_749_881_600_000_000_000)


def test_time_is_not_taken_on_trust():
    future, old = (
        read_items(feed(item("BTC", f"<pubDate>{date}</pubDate>")))
        for date in ("Sat, 14 Jun 2098 06:13:20 GMT", "Sat, 14 Jun 2003 06:13:20 GMT")
    )
    (event,) = headlines(future, assets=[], source="news", ts_init=NOW_NS)
    assert event.ts_event == NOW_NS
    assert headlines(old, assets=[], source="news", ts_init=NOW_NS) == []
    assert OLDEST_NS == 7 * 86_400_000_000_000


@pytest.mark.parametrize(
    "body", [b"", b"<html><body>Blocked</body></html>", b"{}", b"/etc/passwd", b"http://127.0.0.1/rss", b"\xff" * 1_000,
             feed(item("  "))]
)  # fmt: skip
def test_what_is_no_feed_is_refused(body):
    with pytest.raises(MalformedAnswer):
        read_items(body)


def test_bombs_do_not_go_off():
    entities = '<!ENTITY a0 "lol">' + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
    bomb = f'<?xml version="1.0"?><!DOCTYPE r [{entities}]>'.encode() + feed(item("&a11;"))[21:]
    outer = b'<?xml version="1.0"?><!DOCTYPE r [<!ENTITY f SYSTEM "file:///etc/passwd">]>' + feed(item("BTC &f;"))[21:]
    for body in (bomb, outer):
        try:
            titles = [found.title for found in read_items(body)]
        except MalformedAnswer:
            continue
        assert all(len(title) <= 300 and "root:" not in title for title in titles)


def test_the_same_title_in_other_letters():
    assert title_key("Bitcoin Rises — Again!") == title_key(" bitcoin rises again")
    assert title_key("Bitcoin rises") != title_key("Bitcoin falls")
