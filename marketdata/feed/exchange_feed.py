"""The running feed of one venue: records in from its source, checked events out."""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import partial

import structlog

from marketdata.clock import venue_clock
from marketdata.connection import Backoff
from marketdata.events import Bar, Event, FeedState, Liquidation, Timeframe
from marketdata.exchanges.adapter import Listing, Notice, NoticeKind, Rest, VenueEvent
from marketdata.feed.clock_check import ClockCheck
from marketdata.feed.config import FeedConfig
from marketdata.feed.followed import Followed, explain_unknown
from marketdata.feed.notices import Notices
from marketdata.feed.outlets import Outlets
from marketdata.feed.recovery import Recovery
from marketdata.feed.rest_work import FIRST_PRINT_WAIT_NS, RestWork
from marketdata.feed.rules import Rules
from marketdata.feed.source import Health, Hearer, Source
from marketdata.feed.venue_source import venue_source
from marketdata.recording.lines import MarkKind
from marketdata.stream import SymbolStream

log = structlog.get_logger(__name__)

_PRICES_LOGGED_ONE_IN = 100
# What is not only published.
_NOTED = frozenset({Bar, FeedState, Liquidation})


class ExchangeFeed:
    """Follows symbols of one venue. Knows its source and REST, but neither database nor Redis.

    `make_source` replaces the venue's sockets, e.g. by a recording, of which `clock_ns` tells the time of receipt then;
    a recording has no REST beside it. `advice` is for who asked for a symbol that the venue does not list.
    """

    def __init__(
        self,
        config: FeedConfig,
        *,
        rest: Rest,
        outlets: Outlets,
        rng: random.Random,
        make_source: Callable[[Hearer], Source] | None = None,
        clock_ns: Callable[[], int] = time.time_ns,
        advice: str = "Change it in the bot's settings.",
    ) -> None:
        self.config = config
        self.followed: dict[str, Followed] = {}
        self.unknown: dict[str, str] = {}
        self.counts: Counter[str] = Counter()
        self.clock = venue_clock(config.clock)
        self.rules = Rules(note=outlets.note)
        self.notices = Notices(note=outlets.note, failed_after=config.failed_after)
        self._outlets = outlets
        self._rng = rng
        self._clock_ns = clock_ns
        self._advice = advice
        self._has_rest = make_source is None
        self.rest_work = RestWork(
            rest=rest, now_ns=clock_ns, publish=self._publish, keep=self._keep_history, unknown=self.rules.doubt,
            tape=outlets.tape,
        )  # fmt: skip
        self.clock_check = ClockCheck(
            rest=rest,
            clock=self.clock,
            step_ms=config.adapter.server_time_step_ms,
            every_s=config.adapter.rest_check_every_s,
            now_ns=clock_ns,
        )
        venue = partial(venue_source, config, rules=self.rules, rest=rest, rng=rng)
        self.source = (make_source or venue)(self._hearer())
        self._recovery = Recovery(
            procedure=config.adapter.book_procedure,
            source=self.source,
            book_group=config.adapter.book_group,
        )

    @property
    def listed(self) -> set[str]:
        return set(self.rules.listings)

    @property
    def denied(self) -> str:
        """Why the venue does not let us in, or nothing."""
        return self.notices.denied

    def now_ns(self) -> int:
        """The feed's clock: ours, or under replay the stream's own."""
        return self.clock.now_ns(0) if self.config.clock == "stream" else time.time_ns()

    def set_listings(self, listings: Iterable[Listing]) -> None:
        """Learn what the venue lists, and tell about rules that changed."""
        if not self.listed:
            # What waited for the first answer is looked up again.
            self.unknown.clear()
        self.rules.learn(listings, followed=self.followed)
        self._outlets.tape.listings(self.rules.listings.values(), time.time_ns())

    def follow(self, wanted: Iterable[str]) -> None:
        """Make the followed symbols exactly `wanted`. Those that the venue does not list are put into `unknown`."""
        wanted = set(wanted)
        for symbol in sorted(wanted - self.followed.keys()):
            listing = self.rules.listings.get(symbol)
            if listing is None:
                if symbol not in self.unknown:
                    self.unknown[symbol] = explain_unknown(
                        symbol, self.config.exchange, self.rules.listings, advice=self._advice
                    )
                    kind = "unknown_symbol" if self.rules.listings else "waiting"
                    self._outlets.note(kind, self.unknown[symbol], symbol)
                continue
            self.unknown.pop(symbol, None)
            self._add(symbol, listing.venue_symbol)
        for symbol in sorted(self.followed.keys() - wanted):
            self.source.remove(symbol)
            self.rest_work.forget(symbol)
            self.notices.forget(symbol)
            del self.followed[symbol]
            self._outlets.note("unfollowed", f"{symbol} is no longer followed by any bot.", symbol)
        for symbol in self.unknown.keys() - wanted:
            del self.unknown[symbol]

    def take(self, events: Sequence[VenueEvent]) -> None:
        """Take what one frame gave."""
        followed = self.followed
        for event in events:
            item = followed.get(getattr(event, "symbol", ""))
            if item is None:
                self._on_other(event)
                continue
            stream = item.stream
            out = stream.receive(event)
            item.lags_ns.append(stream.lag_ns)
            if out:
                self._tell(item, out)
            item.messages = messages = item.messages + 1
            if not messages % _PRICES_LOGGED_ONE_IN:
                log.debug("[WS] price", symbol=item.symbol, price=stream.last_price, messages=messages)

    def advance(self) -> None:
        """Let time pass: call ten times a second."""
        now_ns = self._clock_ns()
        self.source.advance(time.monotonic())
        for symbol in self.source.unasked() & self.followed.keys():
            self.followed[symbol].stream.unasked(now_ns)
        closed = self.config.closed_reason(now_ns)
        for item in self.followed.values():
            out = [*item.stream.closed(now_ns, reason=closed), *item.stream.advance(now_ns)]
            if out:
                self._publish(item, out)
            self.notices.rejections(item, now_ns)
        self._recovery.look_after(self.followed.values(), now_ns)
        if self._outlets.tape.wants_books(now_ns):
            self._recovery.record_books(self.followed.values(), self._outlets.tape, now_ns)
        if self._has_rest:
            self.rest_work.look_after(self.followed.values(), images=self._recovery.images_by_rest)

    def tell_everything(self) -> None:
        """Publish the present state of every symbol, for consumers that lost what was sent."""
        for item in self.followed.values():
            self._outlets.publish(item.symbol, item.stream.present())

    async def close(self) -> None:
        """Close the sockets, and say so to consumers: what they have is as old as this."""
        now_ns = self._clock_ns()
        for item in self.followed.values():
            self._publish(item, item.stream.stopped(now_ns, reason="the feed was stopped"))
        await self.source.close()
        await self.rest_work.close()

    def publish(self, symbol: str, events: Sequence[Event]) -> None:
        """Publish what was found out about a followed symbol elsewhere."""
        item = self.followed.get(symbol)
        if item is not None and events:
            self._publish(item, events)

    def note(self, kind: str, message: str, symbol: str) -> None:
        self._outlets.note(kind, message, symbol)

    def _hearer(self) -> Hearer:
        return Hearer(
            take=self.take,
            malformed=self._malformed,
            frame=self._outlets.tape.frame,
            opened=lambda socket, ts_init, held: self._outlets.tape.opened(socket, ts_init, held=held),
            took_over=self._took_over,
            up=self._on_up,
            down=self._on_down,
            handover=self._on_handover,
            refused=self._on_refused,
            not_allowed=self._on_not_allowed,
            note=lambda kind, message: self._outlets.note(kind, message, ""),
            fail=self._outlets.fail,
            pace=self._outlets.pace,
        )

    def _took_over(self, symbols: Sequence[str], socket: str) -> None:
        self._outlets.tape.mark(MarkKind.HANDOVER, symbols, ts_init=self._clock_ns(), socket=socket)

    def _add(self, symbol: str, venue_symbol: str) -> None:
        stream = SymbolStream(
            exchange=self.config.exchange,
            symbol=symbol,
            clock=self.clock,
            limits=self.config.quality,
            quotes_from_book=self.config.adapter.quotes_from_book,
            quotes_prove_book=self.config.adapter.quotes_prove_book,
            is_index=self.rules.listings[symbol].kind == "index",
        )
        item = Followed(
            symbol=symbol,
            venue_symbol=venue_symbol,
            stream=stream,
            image_backoff=Backoff(max_s=30, jitter=0.2, rng=self._rng),
        )
        self.followed[symbol] = item
        if self.config.use_websocket:
            self._outlets.tape.mark(MarkKind.SUBSCRIBED, [symbol], ts_init=self._clock_ns())
            self.source.add(symbol, venue_symbol)
        else:
            # REST carries what no socket brings.
            self._publish(item, stream.disconnected(self._clock_ns(), reason="WebSockets are off (USE_WEBSOCKET)"))

    def _publish(self, item: Followed, events: Sequence[Event]) -> None:
        if self.followed.get(item.symbol) is not item:
            # Unfollowed while REST was asked for it.
            return
        self._tell(item, events)

    def _tell(self, item: Followed, events: Sequence[Event]) -> None:
        for event in events:
            if type(event) in _NOTED:
                self._notice(item, event)
        self._outlets.publish(item.symbol, events)

    def _notice(self, item: Followed, event: Event) -> None:
        if isinstance(event, Bar) and event.closed:
            self._outlets.keep_bar(item.symbol, event)
        elif isinstance(event, FeedState):
            self.notices.state(event, is_silent=item.stream.is_silent)
        elif isinstance(event, Liquidation):
            self._outlets.keep_liquidation(event)

    def _keep_history(self, item: Followed, timeframe: Timeframe, bars: Sequence[Bar]) -> None:
        for bar in bars:
            self._outlets.keep_bar(item.symbol, bar)
        self._outlets.history_kept(item.symbol, timeframe)

    def _on_up(self, symbols: Sequence[str], health: Health) -> None:
        now_ns = self._clock_ns()
        self._outlets.tape.mark(MarkKind.UP, symbols, ts_init=now_ns)
        for symbol in symbols:
            item = self.followed.get(symbol)
            if item is not None:
                item.first_image_ns = item.recovery_due_ns = 0
                item.history_due_ns = now_ns + FIRST_PRINT_WAIT_NS
                item.health = health
                self._publish(item, item.stream.connected(now_ns))
        self.notices.up(symbols, health)

    def _on_down(self, symbols: Sequence[str], reason: str, health: Health) -> None:
        now_ns = self._clock_ns()
        self._outlets.tape.mark(MarkKind.DOWN, symbols, ts_init=now_ns, text=reason)
        for symbol in symbols:
            item = self.followed.get(symbol)
            if item is not None:
                if item.stream.is_connected:
                    self.notices.lost(symbol)
                item.health = health
                self._publish(item, item.stream.disconnected(now_ns, reason=reason))
        self.notices.down(symbols, reason, health)

    def _on_handover(self, symbols: Sequence[str]) -> None:
        now_ns = self._clock_ns()
        for symbol in symbols:
            item = self.followed.get(symbol)
            if item is not None:
                item.stream.handed_over(now_ns)

    def _on_refused(self, symbol: str, error: str) -> None:
        item = self.followed.get(symbol)
        if item is not None:
            self._publish(item, item.stream.refused(self._clock_ns(), reason=f"the venue refuses it: {error}"))
        else:
            self._outlets.note("refused", f"The venue refused a request: {error}", symbol)

    def _on_not_allowed(self, message: str) -> None:
        self.notices.not_allowed(message, self._clock_ns())

    def _on_other(self, event: VenueEvent) -> None:
        if isinstance(event, Notice):
            if event.kind is NoticeKind.NOT_ALLOWED:
                self._on_not_allowed(event.message)
                return
            if event.kind is NoticeKind.LISTINGS_CHANGED:
                self.rules.is_outdated = True
            self._outlets.note(event.kind.replace(" ", "_"), event.message or f"The venue says: {event.kind}.", "")
        else:
            self.counts["unfollowed"] += 1

    def _malformed(self, message: str, now_ns: int) -> None:
        self.counts["malformed"] += 1
        self.notices.malformed(message, self.counts["malformed"], now_ns)
