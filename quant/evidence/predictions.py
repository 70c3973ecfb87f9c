"""What versions of models said of an instrument, as signals on the grid: those in shadow too, which have no vote."""

from typing import cast

import numpy as np
from django.db.models import F

from marketdata.events import TIMEFRAME_SECONDS, Timeframe
from quant.evidence.grid import MINUTE_S
from quant.learning.shadow import IN_TIME_NS
from quant.models import ModelPrediction
from quant.vector import Floats

_MINUTE_NS = MINUTE_S * 1_000_000_000
# EvidenceRow.component has 48 characters.
_NAME_LENGTH = 36


def read_predictions(*, exchange: str, symbol: str, start_ns: int, end_ns: int) -> dict[str, Floats]:
    """Version -> p_buy - p_sell in [-1, 1], (minutes,), NaN where it said nothing in time.

    A prediction counts from the first minute after it was written, for the length of its bar.
    """
    minutes = (end_ns - start_ns) // _MINUTE_NS
    rows = (
        ModelPrediction.objects.filter(exchange=exchange, symbol=symbol, ts_close__gte=start_ns, ts_written__lt=end_ns)
        .filter(ts_written__lte=F("ts_close") + IN_TIME_NS)
        .order_by("ts_close")
        .values_list("version__name", "version__number", "version__timeframe", "ts_written", "p_buy", "p_sell")
    )
    found: dict[str, Floats] = {}
    for name, number, timeframe, written_ns, p_buy, p_sell in rows.iterator():
        said = found.setdefault(f"model {name[:_NAME_LENGTH]} v{number}", np.full(minutes, np.nan))
        first = -(-(written_ns - start_ns) // _MINUTE_NS)
        said[first : first + TIMEFRAME_SECONDS[cast(Timeframe, timeframe)] // MINUTE_S] = p_buy - p_sell
    return found
