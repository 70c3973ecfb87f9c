"""The signals of slow observations of one asset: open interest, options and sentiment."""

from collections.abc import Iterable

from marketdata.events import SLOW, Event, Premium
from quant.failures import FAILURES, Failures
from quant.features.skew import is_from_future
from quant.reading import Component, Reading, missing
from quant.signals.open_interest import OpenInterestSignal
from quant.signals.options_flow import OptionsFlowSignal
from quant.signals.sentiment import MARKET, SentimentSignal

SlowSignal = OpenInterestSignal | OptionsFlowSignal | SentimentSignal


def in_order(events: Iterable[Event]) -> list[Event]:
    """The slow observations among the events, oldest first; of one moment prices come before what is set against them."""
    slow = [event for event in events if isinstance(event, SLOW)]
    slow.sort(key=lambda e: (e.ts_event, not isinstance(e, Premium), type(e).__name__))
    return [*slow]


class SlowSignals:
    """Takes observations of the asset (`BTC`), of any instrument of it (`BTC/USDT:USDT`), or of the whole market.

    `exist` are the components that the instrument has by its kind; others join once they have spoken. One that fails
    begins anew, without effect on the others.
    """

    def __init__(self, symbol: str, exist: Iterable[Component]) -> None:
        self._symbol = symbol
        self._asset = symbol.partition("/")[0]
        self.exist = frozenset(exist)
        self._signals: dict[Component, SlowSignal] = {
            Component.OPEN_INTEREST: OpenInterestSignal(),
            Component.OPTIONS_FLOW: OptionsFlowSignal(),
            Component.SENTIMENT: SentimentSignal(),
        }
        self._failures = Failures()

    def update(self, event: Event) -> bool:
        """Take one observation. False when it was left out: of another asset, or from the future."""
        if not isinstance(event, SLOW) or is_from_future(event.ts_event, event.ts_init):
            return False
        if event.symbol != MARKET and event.symbol.partition("/")[0] != self._asset:
            return False
        for component, signal in self._signals.items():
            try:
                signal.update(event)
                # Spot has no open interest of its own, and a chain may be listed any day: what speaks exists.
                speaks = component not in self.exist and signal.read(event.ts_event).value is not None
            except FAILURES as error:
                self._begin(component, error)
                continue
            if speaks:
                self.exist |= {component}
        return True

    def readings(self, now_ns: int) -> list[Reading]:
        """Open interest, options flow and sentiment, in this order."""
        return [
            self._read(component, now_ns)
            if component in self.exist
            else missing(f"no {component.replace('_', ' ')} of {self._asset} heard of so far; it may have none")
            for component in self._signals
        ]

    def _read(self, component: Component, now_ns: int) -> Reading:
        try:
            reading = self._signals[component].read(now_ns)
        except FAILURES as error:
            reading = self._begin(component, error).read(now_ns)
        return self._failures.told(component, reading)

    def _begin(self, component: Component, error: Exception) -> SlowSignal:
        self._failures.note(component, error)
        begun = self._signals[component] = type(self._signals[component])()
        return begun
