"""What the derivatives of an asset say: open interest against price, funding, basis, long against short.

.40 quadrant, .30 funding, .15 basis, .15 long/short. Observations may be of any perpetual of the asset; each kind follows
one series. It speaks from 7 days of observations on, in full after 30 and with all parts: quality is the sum of the weights
of those there are, each times its own.
"""

from marketdata.events import Event, Funding, LongShort, OpenInterest, Premium
from quant.features.bounds import is_price
from quant.features.carry import Basis, FundingRate
from quant.features.crowd import LongShortRatio
from quant.features.quadrant import Quadrant
from quant.reading import Reading, missing, weighted_mean

PART_WEIGHTS = {"quadrant": 0.40, "funding": 0.30, "basis": 0.15, "long_short": 0.15}

MAX_RATE = 1.0
MAX_INTERVAL_H = 24.0 * 31
MAX_RATIO = 1e4
# A future further from its index than this is a wrong figure.
MAX_PREMIUM = 0.5


class OpenInterestSignal:
    """Open interest of one asset. Observations come oldest first; what is unsound, repeated or older is left out."""

    def __init__(self) -> None:
        self._quadrant = Quadrant()
        self._funding = FundingRate()
        self._basis = Basis()
        self._long_short = LongShortRatio()
        self._has_price = False

    def update(self, event: Event) -> None:
        """Take OpenInterest, Funding, Premium or LongShort; others are not for it."""
        if isinstance(event, OpenInterest):
            if is_price(event.contracts):
                self._quadrant.on_interest((event.exchange, event.symbol), event.ts_event, event.contracts)
        elif isinstance(event, Funding):
            if abs(event.rate) <= MAX_RATE and 0.0 < event.interval_h <= MAX_INTERVAL_H:
                key = (event.exchange, event.symbol)
                self._funding.on_rate(key, event.ts_event, event.rate, event.interval_h)
        elif isinstance(event, LongShort):
            if 1.0 / MAX_RATIO <= event.ratio <= MAX_RATIO:
                key = (event.exchange, event.symbol)
                self._long_short.on_ratio(key, event.ts_event, event.scope, event.ratio)
        elif isinstance(event, Premium):
            self._on_premium(event)

    def _on_premium(self, event: Premium) -> None:
        if not is_price(event.mark) or not is_price(event.index):
            return
        if abs(event.mark / event.index - 1.0) > MAX_PREMIUM:
            return
        key = (event.exchange, event.symbol)
        self._has_price = True
        self._quadrant.on_price(key, event.ts_event, event.index)
        self._basis.on_premium(key, event.ts_event, event.mark, event.index, event.expiry)

    def read(self, now_ns: int) -> Reading:
        parts = {
            "quadrant": self._quadrant.part.at(now_ns),
            "funding": self._funding.part.at(now_ns),
            "basis": self._basis.at(now_ns),
            "long_short": self._long_short.at(now_ns),
            "funding_annual": self._funding.annual,
            "funding_z": self._funding.z.at(now_ns),
            "interest_change": self._quadrant.change.at(now_ns),
        }
        n_obs = self._quadrant.count
        value = weighted_mean(parts, PART_WEIGHTS)
        if value is None:
            as_of = max(self._quadrant.part.ts, self._funding.part.ts, self._basis.ts, self._long_short.ts)
            return missing(self._lacking(as_of), as_of=as_of, n_obs=n_obs, parts=parts if as_of else None)
        qualities = {
            "quadrant": self._quadrant.quality,
            "funding": self._funding.quality,
            "basis": self._basis.quality,
            "long_short": self._long_short.quality,
        }
        # A part that is not there takes its share of the quality with it.
        quality = sum(weight * qualities[name] for name, weight in PART_WEIGHTS.items() if parts[name] is not None)
        as_of = max(
            self._quadrant.part.spoke_ns(now_ns),
            self._funding.part.spoke_ns(now_ns),
            self._basis.spoke_ns(now_ns),
            self._long_short.spoke_ns(now_ns),
        )
        return Reading(value=value, quality=min(1.0, quality), as_of=as_of, n_obs=n_obs, parts=parts)

    def _lacking(self, as_of: int) -> str:
        lacking = [
            name
            for name, seen in (
                ("open interest", self._quadrant.count > 0),
                ("funding", self._funding.annual is not None),
                ("index price", self._has_price),
            )
            if not seen
        ]
        if lacking:
            return f"no data: {' and '.join(lacking)}"
        return "no data: a history of 7 days to compare with, up to now" if as_of else "no data"
