"""A recording in the place of a venue: its listings, its records, its time."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from marketdata.events import Bar, TradeTick
from marketdata.exchanges.adapter import Listing
from marketdata.feed.config import FeedConfig, FeedConfigError
from marketdata.feed.exchange_feed import ExchangeFeed
from marketdata.feed.source import Hearer
from marketdata.models import StreamClock
from marketdata.recording.playback import session_info
from marketdata.recording.source import ReplaySource


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayOptions:
    """What to play. Speed 1 is the recorded pace, 0 as fast as it can be taken."""

    path: Path
    speed: float = 1.0


def check_replay(config: FeedConfig, options: ReplayOptions, *, dry_run: bool) -> None:
    """Raises FeedConfigError, which says what to do: old prices must never look like those of now."""
    if config.clock != StreamClock.STREAM and not dry_run:
        raise FeedConfigError(
            f"{config.exchange} goes by this machine's clock, so its bots would take a recording for the market of now. "
            "Set the exchange's clock to the stream's own time in the admin, or add --dry-run."
        )
    find_recording(options.path, exchange=config.exchange)


def find_recording(path: Path, *, exchange: str) -> Path:
    """The file, or the folder of one exchange's files: `path` itself, or in it, as `--record` was given it.

    Raises FeedConfigError, which says what there is.
    """
    if not path.exists():
        raise FeedConfigError(f"There is no recording at {path}.")
    if not path.is_dir() or any(path.glob("*.gz")):
        return path
    found = sorted({file.parent.name for file in path.glob("*/*.gz")})
    if exchange in found:
        return path / exchange
    if len(found) == 1:
        return path / found[0]
    there = f" It has those of {', '.join(found)}: give one of these folders." if found else ""
    raise FeedConfigError(f"{path} holds no recording of {exchange} (*.gz, or {exchange}/*.gz).{there}")


class Replay:
    """Plays one recording into one feed."""

    def __init__(self, config: FeedConfig, options: ReplayOptions, *, stored: Sequence[Listing]) -> None:
        """`stored` are the listings that are known where the recording has none.

        Raises FeedConfigError and MalformedCapture.
        """
        self._path = find_recording(options.path, exchange=config.exchange)
        info = session_info(self._path)
        if info.adapter and info.adapter != config.adapter.name:
            raise FeedConfigError(
                f"{options.path} was recorded from {info.adapter}, and {config.exchange} speaks {config.adapter.name}."
            )
        self.listings = list(info.listings.values()) or list(stored)
        self._config = config
        self._options = options
        self._feed: ExchangeFeed | None = None
        self.source: ReplaySource | None = None

    @property
    def is_over(self) -> bool:
        return self.source is not None and self.source.ended.is_set()

    def now_ns(self) -> int:
        """When what plays now was received."""
        return self.source.newest_ns if self.source is not None else 0

    def make_source(self, hearer: Hearer) -> ReplaySource:
        self.source = ReplaySource(
            self._path,
            adapter=self._config.adapter,
            exchange=self._config.exchange,
            symbols={listing.venue_symbol: listing.symbol for listing in self.listings},
            listings={listing.symbol: listing for listing in self.listings},
            hearer=hearer,
            speed=self._options.speed,
            on_history=self._on_history,
        )
        return self.source

    def begin(self, feed: ExchangeFeed) -> None:
        self._feed = feed
        feed.set_listings(self.listings)

    def _on_history(self, symbol: str, bars: Sequence[Bar], trades: Sequence[TradeTick]) -> None:
        item = self._feed.followed.get(symbol) if self._feed is not None else None
        if self._feed is not None and item is not None:
            self._feed.publish(symbol, item.stream.fill_history(bars, trades))
