"""A news feed's bytes as clean titles. Everything in them is hostile until shown otherwise."""

import calendar
import html
import io
import re
import time
import unicodedata
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

import feedparser
from msgspec import Struct

from marketdata.events import Headline
from marketdata.sources.answers import MalformedAnswer
from marketdata.sources.fear_greed import MARKET
from marketdata.sources.rss.assets import assets_in

MOST_ITEMS = 200
MOST_CHARACTERS = 300
LONGEST_LINK = 500
OLDEST_NS = 7 * 86_400_000_000_000
_SCAN_CHARACTERS = 4_000
_TAG = re.compile(r"<[^<>]*>")


class Item(Struct, frozen=True, kw_only=True):
    """A title as plain text, its link ("" when it is no web address), and when it says it was published, 0 if never."""

    title: str
    link: str
    published_ns: int


def read_items(body: bytes) -> list[Item]:
    """The items of RSS or Atom, in the feed's order. Raises MalformedAnswer when it is neither, or has no titles."""
    # A stream, because bytes and text may be taken for a file's name or an address.
    feed: Any = feedparser.parse(io.BytesIO(body), resolve_relative_uris=False, sanitize_html=False)
    if not feed.get("version"):
        raise MalformedAnswer(f"{len(body)} bytes that begin {body[:80]!r} are neither RSS nor Atom")
    items = []
    for entry in feed.entries[:MOST_ITEMS]:
        title = clean(str(entry.get("title", "")))
        if title:
            # Its own get of "updated" looks at "published" with a warning.
            at = entry.get("published_parsed") or dict.get(entry, "updated_parsed")
            items.append(Item(title=title, link=_web_address(str(entry.get("link", ""))), published_ns=_ns(at)))
    if feed.entries and not items:
        raise MalformedAnswer(f"the feed has {len(feed.entries)} items and no title")
    return items


def clean(text: str) -> str:
    """Plain text of one line: no tags, no control or direction characters, at most 300 characters."""
    text = text[:_SCAN_CHARACTERS]
    # Twice, because titles are often escaped twice, and a third time they are text.
    for _ in range(2):
        text = _TAG.sub(" ", html.unescape(text))
    text = "".join(
        " " if character.isspace() or unicodedata.category(character) in ("Cc", "Zl", "Zp") else character
        for character in text
        if unicodedata.category(character) not in ("Cf", "Cs", "Co", "Cn")
    )
    text = " ".join(text.replace("<", " ").replace(">", " ").split())
    return text if len(text) <= MOST_CHARACTERS else text[: MOST_CHARACTERS - 1].rstrip() + "…"


def headlines(items: Iterable[Item], *, assets: Iterable[str], source: str, ts_init: int) -> list[Headline]:
    """A headline for each asset that an item is about, or for the market when it names none.

    What says that it comes from the future is from now; what is older than a week is no news.
    """
    followed = tuple(assets)
    events = []
    for item in items:
        at_ns = min(item.published_ns or ts_init, ts_init)
        if ts_init - at_ns > OLDEST_NS:
            continue
        events += [
            Headline(exchange=source, symbol=asset, title=item.title, link=item.link, ts_event=at_ns, ts_init=ts_init)
            for asset in assets_in(item.title, followed) or [MARKET]
        ]
    return events


def _web_address(link: str) -> str:
    try:
        parts = urlsplit(link.strip())
    except ValueError:
        return ""
    safe = parts.scheme in ("http", "https") and parts.hostname and link.isprintable() and len(link) <= LONGEST_LINK
    return link.strip() if safe else ""


def _ns(at: time.struct_time | None) -> int:
    if at is None:
        return 0
    try:
        return max(0, calendar.timegm(at)) * 1_000_000_000
    except (ValueError, OverflowError):
        return 0
