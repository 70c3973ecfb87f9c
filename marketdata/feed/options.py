"""What a feed process is asked to do, and whether that can be done."""

from dataclasses import dataclass
from pathlib import Path

from marketdata.exchanges.catalog import UnknownAdapter
from marketdata.feed.config import FeedConfig, FeedConfigError, load_config
from marketdata.feed.replaying import ReplayOptions, check_replay
from marketdata.followers import UnknownFollower, find_followers, followed_exchanges

UNUSABLE = (FeedConfigError, UnknownAdapter, UnknownFollower)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedOptions:
    """exchanges: empty means all enabled ones. symbols: empty means what is subscribed. bots: ids or names, of whose
    symbols only are followed. http: HOST:PORT of /livez, /readyz and /metrics, or "".
    """

    exchanges: tuple[str, ...] = ()
    symbols: tuple[str, ...] = ()
    bots: tuple[str, ...] = ()
    once: bool = False
    dry_run: bool = False
    duration_s: float | None = None
    record: Path | None = None
    replay: Path | None = None
    speed: float | None = None
    http: str = ""

    @property
    def is_whole(self) -> bool:
        """An ordinary run, of everything there is: only such a one asks the slow sources too."""
        narrowed = self.exchanges or self.symbols or self.bots or self.replay is not None
        return not (narrowed or self.once or self.dry_run)

    @property
    def is_looking(self) -> bool:
        """Somebody waits for what this run brings, and not for a leader to end."""
        return bool(self.once or self.duration_s or self.record is not None or self.symbols)

    @property
    def replay_options(self) -> ReplayOptions | None:
        if self.replay is None:
            return None
        return ReplayOptions(path=self.replay, speed=1.0 if self.speed is None else self.speed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """`named`: the venues that were asked for; empty: all that are enabled, as they come and go."""

    named: tuple[FeedConfig, ...]
    followers: frozenset[str]


def make_plan(options: FeedOptions) -> Plan:
    """Read what the options name. Raises one of UNUSABLE, which says what to do."""
    _check(options)
    followers = find_followers(options.bots)
    codes = options.exchanges or (tuple(followed_exchanges(followers)) if followers else ())
    named = tuple(load_config(code) for code in dict.fromkeys(codes))
    replay = options.replay_options
    if replay is not None:
        check_replay(named[0], replay, dry_run=options.dry_run)
    return Plan(named=named, followers=followers)


def _check(options: FeedOptions) -> None:
    if options.replay is None and options.speed is not None:
        raise FeedConfigError("--speed is of use with --replay only.")
    if options.speed is not None and options.speed < 0:
        raise FeedConfigError(f"--speed {options.speed:g}: allowed is 0 (as fast as possible) or more.")
    if options.replay is not None:
        if len(options.exchanges) != 1:
            raise FeedConfigError(
                "--replay plays one recording in the place of one venue: name it with --exchange, once."
            )
        if options.record is not None:
            raise FeedConfigError("--record and --replay exclude each other: the recording is there already.")
    if options.bots and options.symbols:
        raise FeedConfigError("--bots and --symbols exclude each other: both say what to follow.")
    if options.duration_s is not None and options.duration_s <= 0:
        raise FeedConfigError(f"--duration {options.duration_s:g}: allowed is more than 0 seconds.")
    if options.record is not None and options.record.exists() and not options.record.is_dir():
        raise FeedConfigError(f"--record {options.record}: that is a file, and a folder is needed.")
