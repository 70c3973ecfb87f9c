"""The bots of one symbol, as arrays where all are asked at once, and when each is due to be asked."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bots.engine.books import BotBooks
from bots.engine.weights import Factors, variant_of, weights_of
from bots.trading.decide import Standing
from bots.trading.records import InstrumentRules
from bots.trading.vocabulary import Trigger, Verdict
from marketdata.events import TIMEFRAME_SECONDS, Bar, Timeframe
from quant.regime import RegimeState
from quant.vector import Column

SECOND_NS = 1_000_000_000
STORE_EVERY_NS = SECOND_NS
TELL_EVERY_NS = SECOND_NS // 2
# A bot asked on every tick that was just refused is not asked to try again at once.
RETRY_NS = 200_000_000
NEVER = -1
CLOCK_SLACK_NS = SECOND_NS

NO_REGIMES: Mapping[Timeframe, RegimeState] = {}
NO_FACTORS: Factors = {}

Int64s = NDArray[np.int64]

DecisionKey = tuple[Verdict, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """An evaluation that is due. `slot` makes its orders unique: tick time, bar close or N-second slot."""

    index: int
    trigger: Trigger
    slot: int


@dataclass(slots=True, kw_only=True)
class Seat:
    """One bot on this symbol: when it was last asked, and what was stored of it."""

    bot: BotBooks
    rules: InstrumentRules
    timeframe: Timeframe
    slot: int = NEVER
    closed_bar_ns: int = NEVER
    stored: DecisionKey | None = None
    stored_ns: int = 0
    next_store_ns: int = 0
    next_cycle_ns: int = 0

    @property
    def interval_ns(self) -> int:
        return self.bot.config.interval_s * SECOND_NS


class Seats:
    """All seats of a symbol. Arrays are (seats,), `weights` (seats, columns) in Fortran order."""

    def __init__(self) -> None:
        self.seats: list[Seat] = []
        self._index: dict[int, int] = {}
        self.unusable: dict[int, str] = {}
        self.repeated: Int64s = np.zeros(0, dtype=np.int64)
        self.omitted: Int64s = np.zeros(0, dtype=np.int64)
        self.rebuild((), traditional_weight=0.5, quant_weight=0.5)

    def __len__(self) -> int:
        return len(self.seats)

    def of(self, bot_id: int) -> Seat | None:
        index = self._index.get(bot_id)
        return None if index is None else self.seats[index]

    def add(self, bot: BotBooks, rules: InstrumentRules, *, now_ns: int) -> None:
        """Take a bot, or its changed settings; `rebuild` before the next evaluation."""
        frames: list[Timeframe] = [name for name in TIMEFRAME_SECONDS if bot.config.timeframes.get(name, 0.0) > 0.0]
        seat = self.of(bot.bot_id)
        if seat is not None:
            seat.bot, seat.rules, seat.timeframe = bot, rules, frames[0] if frames else "1m"
            return
        # Bots that all spoke at the same moment would make one tick in twenty slow.
        stagger_ns = bot.bot_id * 37 % 100 * (STORE_EVERY_NS // 100)
        self.seats.append(
            Seat(
                bot=bot,
                rules=rules,
                timeframe=frames[0] if frames else "1m",
                next_store_ns=now_ns + stagger_ns,
                next_cycle_ns=now_ns + stagger_ns // 2,
            )
        )

    def remove(self, bot_id: int) -> None:
        self.seats = [seat for seat in self.seats if seat.bot.bot_id != bot_id]
        self._index.pop(bot_id, None)

    @property
    def variants(self) -> set[tuple[str, ...]]:
        """What of technical its bots leave out."""
        return {variant_of(seat.bot.config) for seat in self.seats}

    def rebuild(
        self, columns: tuple[Column, ...], *, traditional_weight: float, quant_weight: float,
        regimes: Mapping[Timeframe, RegimeState] = NO_REGIMES, factors: Factors = NO_FACTORS,
    ) -> None:  # fmt: skip
        """Lay the arrays out anew. Bots whose weights cannot be used are in `unusable`, with the reason."""
        count = len(self.seats)
        counted = {bot_id: (self.repeated[i], self.omitted[i]) for bot_id, i in self._index.items()}
        self._index = {seat.bot.bot_id: i for i, seat in enumerate(self.seats)}
        self.unusable = {}
        rows = np.zeros((count, len(columns)))
        for i, seat in enumerate(self.seats):
            config = seat.bot.config
            try:
                rows[i] = weights_of(
                    config, columns, traditional_weight=traditional_weight, quant_weight=quant_weight,
                    regimes=regimes, factors=factors,
                )  # fmt: skip
            except ValueError as error:
                self.unusable[config.bot_id] = f"its weights cannot be used: {error}"
        self.weights = np.asfortranarray(rows)
        configs = [seat.bot.config for seat in self.seats]
        self.minimum_confidence = np.array([config.limits.minimum_confidence for config in configs])
        self.use_multiplier = np.array([config.use_diversification_multiplier for config in configs], dtype=bool)
        self.held = np.zeros(count, dtype=np.int8)
        self.working = np.zeros(count, dtype=bool)
        self.last_code = np.full(count, NEVER, dtype=np.int8)
        kept = np.array([counted.get(config.bot_id, (0, 0)) for config in configs], dtype=np.int64).reshape(count, 2)
        self.repeated, self.omitted = kept[:, 0].copy(), kept[:, 1].copy()
        self.next_tell_ns: Int64s = np.zeros(count, dtype=np.int64)
        self.retry_ns: Int64s = np.zeros(count, dtype=np.int64)
        self.on_tick: Int64s = np.array(
            [i for i, config in enumerate(configs) if config.evaluation == "tick" and self._asked(i)], dtype=np.int64
        )
        self._on_bar = [i for i, config in enumerate(configs) if config.evaluation == "bar_close" and self._asked(i)]
        self._on_time = [i for i, config in enumerate(configs) if config.evaluation == "interval" and self._asked(i)]
        self._next_time_ns = 0
        self._bar_is_due = any(self.seats[i].closed_bar_ns > self.seats[i].slot for i in self._on_bar)
        for seat in self.seats:
            self.refresh(seat)

    def reweigh(
        self, columns: tuple[Column, ...], *, traditional_weight: float, quant_weight: float,
        regimes: Mapping[Timeframe, RegimeState], factors: Factors,
    ) -> None:  # fmt: skip
        """Weigh anew for the bots that follow the regime; what else is known of the seats stays."""
        for i, seat in enumerate(self.seats):
            config = seat.bot.config
            if config.adapt_to_regime and config.bot_id not in self.unusable:
                self.weights[i] = weights_of(
                    config, columns, traditional_weight=traditional_weight, quant_weight=quant_weight,
                    regimes=regimes, factors=factors,
                )  # fmt: skip

    def _asked(self, index: int) -> bool:
        bot = self.seats[index].bot
        return bot.trades and bot.bot_id not in self.unusable

    def refresh(self, seat: Seat) -> None:
        """Follow a change of the bot's position or order in this symbol."""
        index = self._index.get(seat.bot.bot_id)
        if index is None:
            return
        instrument_id = seat.rules.instrument_id
        held = seat.bot.positions.get(instrument_id)
        self.held[index] = held.position.side.sign if held is not None else 0
        self.working[index] = seat.bot.working(instrument_id) is not None
        self.retry_ns[index] = 0

    def on_bar(self, bar: Bar, now_ns: int) -> None:
        """Note a closed bar: its bots are asked at the next tick, when all bars of that moment are known."""
        length_ns = TIMEFRAME_SECONDS[bar.timeframe] * SECOND_NS
        # A venue's clock may be ahead of ours: its bar has closed all the same.
        if not -CLOCK_SLACK_NS <= now_ns - bar.ts_close < length_ns:
            return
        for index in self._on_bar:
            seat = self.seats[index]
            if seat.timeframe == bar.timeframe and bar.ts_close > seat.closed_bar_ns:
                seat.closed_bar_ns = bar.ts_close
                self._bar_is_due = True

    def due(self, now_ns: int) -> list[Due]:
        """Evaluations on bar close and every N seconds that are due; each is given once."""
        found = []
        if self._bar_is_due:
            self._bar_is_due = False
            for index in self._on_bar:
                seat = self.seats[index]
                if seat.closed_bar_ns > seat.slot:
                    seat.slot = seat.closed_bar_ns
                    found.append(Due(index=index, trigger=Trigger.BAR_CLOSE, slot=seat.slot))
        if self._on_time and now_ns >= self._next_time_ns:
            self._next_time_ns = now_ns + 86_400 * SECOND_NS
            for index in self._on_time:
                seat = self.seats[index]
                slot = interval_slot(now_ns, seat.interval_ns)
                if slot > seat.slot:
                    seat.slot = slot
                    found.append(Due(index=index, trigger=Trigger.INTERVAL, slot=slot))
                self._next_time_ns = min(self._next_time_ns, slot + seat.interval_ns)
        return found

    def worth_asking(self, codes: NDArray[np.int8], now_ns: int) -> Int64s:
        """Of the bots asked on every tick: those whose answer changed, or that may act. Counts the others."""
        mine = self.on_tick
        answer = codes[mine]
        needed = _acts(answer) & (now_ns >= self.retry_ns[mine])
        needed |= answer != self.last_code[mine]
        alike = mine[~needed]
        self.repeated[alike] += 1
        self.omitted[alike] += 1
        asked: Int64s = mine[needed]
        return asked

    def worth_telling(self, codes: NDArray[np.int8], now_ns: int) -> Int64s:
        """Of the bots asked on every tick: those that hold as before, and have not said so for a while.

        `worth_asking` counted this evaluation of theirs as left out: it is not.
        """
        mine = self.on_tick
        quiet = ~_acts(codes[mine]) & (codes[mine] == self.last_code[mine])
        told: Int64s = mine[quiet & (now_ns >= self.next_tell_ns[mine])]
        self.repeated[told] -= 1
        self.omitted[told] -= 1
        return told

    def retry_later(self, index: int, now_ns: int) -> None:
        """A refused bot waits a little, each a little longer than the one before it."""
        self.retry_ns[index] = now_ns + RETRY_NS + index % 100 * 1_000_000


def _acts(codes: NDArray[np.int8]) -> NDArray[np.bool_]:
    acts: NDArray[np.bool_] = (codes == Standing.ENTRY) | (codes == Standing.REVERSED)
    return acts


def interval_slot(now_ns: int, interval_ns: int) -> int:
    """The N-second slot of a moment, aligned to the epoch: the same on every engine and in every replay."""
    return now_ns // interval_ns * interval_ns
