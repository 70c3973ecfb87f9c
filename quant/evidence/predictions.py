"""What versions of models said of an instrument, as signals on the grid: those in shadow too, which have no vote."""

from typing import cast

import numpy as np
from django.db.models import F

from marketdata.events import TIMEFRAME_SECONDS, Timeframe
from quant.evidence.grid import MINUTE_S
from quant.learning.scores import votes
from quant.learning.shadow import IN_TIME_NS
from quant.models import ModelPrediction
from quant.vector import Floats

_MINUTE_NS = MINUTE_S * 1_000_000_000
# EvidenceRow.component has 48 characters.
_NAME_LENGTH = 36


def read_predictions(*, exchange: str, symbol: str, start_ns: int, end_ns: int) -> dict[str, Floats]:
    """Version -> its vote in [-1, 1], (minutes,), 0 where it would hold, NaN where it said nothing in time.

    A prediction counts from the first minute after it was written, for the length of its bar.
    """
    minutes = (end_ns - start_ns) // _MINUTE_NS
    rows = (
        ModelPrediction.objects.filter(exchange=exchange, symbol=symbol, ts_close__gte=start_ns, ts_written__lt=end_ns)
        .filter(ts_written__lte=F("ts_close") + IN_TIME_NS)
        .order_by("ts_close")
        .values_list(
            "version__name",
            "version__number",
            "version__timeframe",
            "version__metrics__theta",
            "ts_written",
            "p_sell",
            "p_hold",
            "p_buy",
        )
    )
    found: dict[str, Floats] = {}
    for name, number, timeframe, theta, written_ns, *p in rows.iterator():
        said = found.setdefault(f"model {name[:_NAME_LENGTH]} v{number}", np.full(minutes, np.nan))
        first = -(-(written_ns - start_ns) // _MINUTE_NS)
        said[first : first + TIMEFRAME_SECONDS[cast(Timeframe, timeframe)] // MINUTE_S] = votes(
            np.array([p]), theta or 0.0
        )[0]
    return found
