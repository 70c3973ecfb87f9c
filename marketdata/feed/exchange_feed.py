"""The running feed of one venue: sockets in, checked events out."""

import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass

import structlog

from marketdata.clock import venue_clock
from marketdata.connection import Backoff, Connection
from marketdata.events import Bar, Event, FeedState, Timeframe
from marketdata.exchanges.adapter import Acknowledgement, MalformedFrame, Notice, Rest
from marketdata.feed.config import FeedConfig
from marketdata.feed.followed import Followed, explain_unknown
from marketdata.feed.rest_work import RestWork
from marketdata.feed.sockets import SocketPool
from marketdata.stream import SymbolStream

log = structlog.get_logger(__name__)

_REJECTED_EVERY_NS = 10_000_000_000
_PRICES_LOGGED_ONE_IN = 100
_RESUBSCRIBE_EVERY_NS = 10_000_000_000
_KINDS = {"live": "live", "stale": "stale", "resyncing": "gap", "fallback": "fallback"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlets:
    """Where the feed's results go.

    publish(symbol, events); note(kind, message, symbol); keep_bar(symbol, bar); history_kept(symbol, timeframe) when all
    fetched bars of a timeframe were given to keep_bar; fail(error) ends the feed; pace() waits while there is more to
    publish than may be kept.
    """

    publish: Callable[[str, Sequence[Event]], None]
    note: Callable[[str, str, str], None]
    keep_bar: Callable[[str, Bar], None]
    history_kept: Callable[[str, Timeframe], None]
    fail: Callable[[BaseException], None]
    pace: Callable[[], Awaitable[None]]


class ExchangeFeed:
    """Follows symbols of one venue. Knows sockets and REST, but neither database nor Redis."""

    def __init__(self, config: FeedConfig, *, rest: Rest, outlets: Outlets, rng: random.Random) -> None:
        self.config = config
        self.followed: dict[str, Followed] = {}
        self.unknown: dict[str, str] = {}
        self.counts: Counter[str] = Counter()
        self.clock = venue_clock(config.clock)
        self._outlets = outlets
        self._rng = rng
        self._symbols: dict[str, str] = {}
        self._by_symbol: dict[str, str] = {}
        self._parse = config.adapter.parser(exchange=config.exchange, symbols=self._symbols).parse
        self._rejected_ns = 0
        self._resubscribed_ns: dict[str, int] = {}
        self._noted: dict[str, str] = {}
        self._sockets = SocketPool(
            adapter=config.adapter,
            settings=config.connection,
            on_frame=self.on_frame,
            on_up=self._on_up,
            on_down=self._on_down,
            on_failure=outlets.fail,
            pace=outlets.pace,
            rng=rng,
        )
        self.rest_work = RestWork(rest=rest, now_ns=time.time_ns, publish=self._publish, keep=self._keep_history)

    @property
    def listed(self) -> set[str]:
        return set(self._by_symbol)

    def now_ns(self) -> int:
        """The feed's clock: ours, or under replay the stream's own."""
        return self.clock.now_ns(0) if self.config.clock == "stream" else time.time_ns()

    def set_listings(self, symbols: Iterable[tuple[str, str]]) -> None:
        """Learn what the venue lists: pairs of our spelling and its own."""
        for symbol, venue_symbol in symbols:
            self._symbols[venue_symbol] = symbol
            self._by_symbol[symbol] = venue_symbol

    def follow(self, wanted: Iterable[str]) -> None:
        """Make the followed symbols exactly `wanted`. Those that the venue does not list are put into `unknown`."""
        wanted = set(wanted)
        for symbol in sorted(wanted - self.followed.keys()):
            venue_symbol = self._by_symbol.get(symbol)
            if venue_symbol is None:
                if symbol not in self.unknown:
                    self.unknown[symbol] = explain_unknown(symbol, self.config.exchange, self._by_symbol)
                    self._outlets.note("unknown_symbol", self.unknown[symbol], symbol)
                continue
            self.unknown.pop(symbol, None)
            self._add(symbol, venue_symbol)
        for symbol in sorted(self.followed.keys() - wanted):
            self._sockets.remove(symbol)
            del self.followed[symbol]
            self._outlets.note("unfollowed", f"{symbol} is no longer followed by any bot.", symbol)
        for symbol in self.unknown.keys() - wanted:
            del self.unknown[symbol]

    def on_frame(self, frame: bytes, ts_init: int) -> None:
        """Take one frame from a socket. Nothing that a venue sends may get further than this as an error."""
        try:
            events = self._parse(frame, ts_init=ts_init)
        except MalformedFrame as error:
            self.counts["malformed"] += 1
            self._tell_rejected(str(error), ts_init)
            return
        for event in events:
            item = self.followed.get(getattr(event, "symbol", ""))
            if item is None:
                self._on_other(event)
                continue
            item.messages += 1
            out = item.stream.receive(event)
            item.lags_ns.append(item.stream.lag_ns)
            if out:
                self._publish(item, out)
            if item.messages % _PRICES_LOGGED_ONE_IN == 0:
                log.debug("[WS] price", symbol=item.symbol, price=item.stream.last_price, messages=item.messages)

    def advance(self) -> None:
        """Let time pass: call ten times a second."""
        now_ns = time.time_ns()
        for item in self.followed.values():
            out = item.stream.advance(now_ns)
            if out:
                self._publish(item, out)
            self._look_at_rejections(item, now_ns)
            if item.stream.is_silent and now_ns - self._resubscribed_ns.get(item.symbol, 0) > _RESUBSCRIBE_EVERY_NS:
                self._resubscribed_ns[item.symbol] = now_ns
                self._sockets.resubscribe(item.symbol)
        self.rest_work.look_after(self.followed.values())

    def tell_everything(self) -> None:
        """Publish the present state of every symbol, for consumers that lost what was sent."""
        for item in self.followed.values():
            self._outlets.publish(item.symbol, item.stream.present())

    async def close(self) -> None:
        """Close the sockets, and say so to consumers: what they have is as old as this."""
        now_ns = time.time_ns()
        for item in self.followed.values():
            self._publish(item, item.stream.disconnected(now_ns, reason="the feed was stopped"))
        await self._sockets.close()
        await self.rest_work.close()

    def _add(self, symbol: str, venue_symbol: str) -> None:
        stream = SymbolStream(exchange=self.config.exchange, symbol=symbol, clock=self.clock)
        item = Followed(
            symbol=symbol,
            venue_symbol=venue_symbol,
            stream=stream,
            image_backoff=Backoff(max_s=30, jitter=0.2, rng=self._rng),
        )
        self.followed[symbol] = item
        if self.config.use_websocket:
            item.connection = self._sockets.add(symbol, venue_symbol)
        else:
            # REST carries what no socket brings.
            self._publish(item, stream.disconnected(time.time_ns(), reason="WebSockets are off (USE_WEBSOCKET)"))

    def _publish(self, item: Followed, events: Sequence[Event]) -> None:
        for event in events:
            if isinstance(event, Bar) and event.closed:
                self._outlets.keep_bar(item.symbol, event)
            elif isinstance(event, FeedState):
                self._note_state(event)
        self._outlets.publish(item.symbol, events)

    def _keep_history(self, item: Followed, timeframe: Timeframe, bars: Sequence[Bar]) -> None:
        for bar in bars:
            self._outlets.keep_bar(item.symbol, bar)
        self._outlets.history_kept(item.symbol, timeframe)

    def _note_state(self, event: FeedState) -> None:
        """Tell people. Rejected ticks, which may alternate with good ones, are told apart and less often."""
        kind = _KINDS.get(event.state)
        if kind == "gap" and not event.reason.startswith("order book:"):
            kind = None
        if kind == "stale" and not self.followed[event.symbol].stream.is_silent:
            kind = None
        if kind is not None and kind != self._noted.get(event.symbol):
            self._noted[event.symbol] = kind
            self._outlets.note(kind, event.reason or f"{event.symbol} is live.", event.symbol)

    def _on_up(self, connection: Connection, symbols: Sequence[str]) -> None:
        now_ns = time.time_ns()
        for symbol in symbols:
            item = self.followed.get(symbol)
            if item is not None:
                item.history_due_ns = item.first_image_ns = 0
                item.reconnects = connection.connects - 1
                self._publish(item, item.stream.connected(now_ns))
        again = "again " if connection.connects > 1 else ""
        self._outlets.note("connected", f"Connected {again}for {', '.join(symbols)[:300]}.", "")

    def _on_down(self, connection: Connection, symbols: Sequence[str], reason: str, failures: int) -> None:
        now_ns = time.time_ns()
        for symbol in symbols:
            item = self.followed.get(symbol)
            if item is not None:
                self._noted.pop(symbol, None)
                self._publish(item, item.stream.disconnected(now_ns, reason=reason))
        self._outlets.note("disconnected" if failures <= 1 else "reconnecting", reason, "")
        if failures == self.config.failed_after:
            self._outlets.note("failed", f"{failures} failures in a row, slow retries go on: {reason}", "")

    def _on_other(self, event: object) -> None:
        if isinstance(event, Acknowledgement):
            self.counts["acknowledged"] += 1
            if event.error:
                self._outlets.note("refused", f"The venue refused a subscription: {event.error}", "")
        elif isinstance(event, Notice):
            self._outlets.note("notice", f"The venue says {event.kind}: connecting anew.", "")
            for connection in self._sockets.connections:
                connection.renew()
        else:
            self.counts["unfollowed"] += 1

    def _look_at_rejections(self, item: Followed, now_ns: int) -> None:
        rejected = item.rejected
        if rejected > item.rejected_told and now_ns - item.rejected_told_ns > _REJECTED_EVERY_NS:
            counts = item.stream.counts
            reasons = ", ".join(
                f"{name.removeprefix('rejected.')} {count}"
                for name, count in sorted(counts.items())
                if name.startswith("rejected.")
            )
            message = f"{rejected - item.rejected_told} ticks rejected; since the start: {reasons}."
            item.rejected_told, item.rejected_told_ns = rejected, now_ns
            self._outlets.note("rejected", message, item.symbol)

    def _tell_rejected(self, message: str, now_ns: int) -> None:
        if now_ns - self._rejected_ns > _REJECTED_EVERY_NS:
            self._rejected_ns = now_ns
            self._outlets.note("rejected", f"{self.counts['malformed']} malformed frames so far, now: {message}", "")
