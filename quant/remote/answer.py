"""The quant service's answer: what the live feeds say, else what the candles say, and both as one number."""

from collections.abc import Mapping

from quant.blend import DEFAULT_WEIGHTS
from quant.reading import Component, Reading, clip
from quant.remote.candle_signals import candle_readings
from quant.remote.latest import LatestSignals
from quant.remote.question import Question

# The names that the service has always used on the wire.
NAMES: Mapping[str, Component] = {
    "speed": Component.SPEED,
    "microstructure": Component.MICROSTRUCTURE,
    "oi": Component.OPEN_INTEREST,
    "options": Component.OPTIONS_FLOW,
    "sentiment": Component.SENTIMENT,
    "volatility": Component.VOLATILITY,
}
LIVE_WITHIN_MS = 300_000
PUBLISHED_WITHIN_MS = 60_000


def answer(question: Question, live: LatestSignals | None, *, now_ms: int) -> dict[str, float | None]:
    """Values in [-1, 1] by the names of the wire, None where there is none; `combined` where any is."""
    readings = candle_readings(question.candles)
    for component, reading in live_readings(live, moment_ms=question.moment_ms, now_ms=now_ms).items():
        # Of volatility the candles that were sent are asked about.
        if component is not Component.VOLATILITY or readings[component].value is None:
            readings[component] = reading
    values = {name: _value(readings.get(component)) for name, component in NAMES.items()}
    return values | {"combined": combined(readings)}


def combined(readings: Mapping[Component, Reading]) -> float | None:
    """The mean by the blend's default weights and by quality. Technical is not among them: who asks has it already."""
    total = weight_sum = 0.0
    for component, reading in readings.items():
        if reading.value is not None:
            weight = DEFAULT_WEIGHTS[component] * reading.quality
            total += weight * reading.value
            weight_sum += weight
    return clip(total / weight_sum, -1.0, 1.0) if weight_sum > 0.0 else None


def live_readings(live: LatestSignals | None, *, moment_ms: int, now_ms: int) -> dict[Component, Reading]:
    """What the feeds say about the moment of the question; nothing about other times.

    Ages are measured by our clock, as the asker's may be off; under a replay, whose clock is the recording, by the
    moment that is asked about.
    """
    if live is None:
        return {}
    published_ms = live.now_ns // 1_000_000
    if abs(moment_ms - published_ms) > LIVE_WITHIN_MS:
        return {}
    is_now = abs(now_ms - published_ms) <= PUBLISHED_WITHIN_MS
    return live.values(now_ns=(now_ms if is_now else moment_ms) * 1_000_000)


def _value(reading: Reading | None) -> float | None:
    return None if reading is None else reading.value
