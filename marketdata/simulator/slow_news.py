"""A synthetic Fear & Greed index, one value a day, and headlines, one every twenty minutes, as RSS."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from xml.sax.saxutils import escape

import numpy as np

from marketdata.simulator.slow_chance import Chance

DAY_S = 86_400
# 2018-02-01, the first day of the real index.
FIRST_DAY_S = 1_517_443_200
HEADLINE_EVERY_S = 1_200
HEADLINES = 30

CLASSES = ((25, "Extreme Fear"), (47, "Fear"), (55, "Neutral"), (76, "Greed"), (101, "Extreme Greed"))
ASSETS = ("Bitcoin", "Ethereum", "Solana", "BNB", "XRP", "Cardano", "Dogecoin", "Avalanche", "Crypto market")
SUBJECTS = (
    "{asset} rises as traders return",
    "{asset} slips after a quiet weekend",
    "Analysts see {asset} in a range until the end of the month",
    "Exchange lists new {asset} futures",
    "{asset} network upgrade goes live without incident",
    "Large holder moves {asset} to an exchange",
    "Options traders pay more for protection against a fall of {asset}",
    "{asset} short positions liquidated in a sudden rally",
    "Regulator delays its decision on a {asset} fund",
    "Developers of {asset} publish their plan for next year",
)


class SlowNews:
    """Answers of /fng/ and /rss."""

    def __init__(self, *, seed: int) -> None:
        self._chance = Chance(seed)

    def fear_greed(self, params: Mapping[str, str], now_ms: int) -> object:
        today_s = now_ms // 1000 // DAY_S * DAY_S
        limit = int(params["limit"]) if params.get("limit", "").isdecimal() else 1
        days = range(today_s, FIRST_DAY_S - 1, -DAY_S)
        data: list[dict[str, str]] = []
        chosen = np.array(days[: limit or None], dtype=np.int64)
        waves = self._chance.waves("fear-greed", chosen * 1000, 4_320, 14_400, 86_400)
        for day_s, wave in zip(chosen.tolist(), waves, strict=True):
            value = max(5, min(95, round(48 + 20 * float(wave))))
            name = next(name for below, name in CLASSES if value < below)
            data.append({"value": str(value), "value_classification": name, "timestamp": str(day_s)})
        if data:
            data[0]["time_until_update"] = str(today_s + DAY_S - now_ms // 1000)
        return {"name": "Fear and Greed Index", "data": data, "metadata": {"error": None}}

    def rss(self, now_ms: int) -> str:
        last = now_ms // 1000 // HEADLINE_EVERY_S
        items = "".join(self._item(number) for number in range(last, last - HEADLINES, -1))
        return (
            '<?xml version="1.0" encoding="UTF-8"?><rss version="2.0"><channel><title>Simulated news</title>'
            f"<link>http://127.0.0.1/</link><description>Synthetic headlines</description>{items}</channel></rss>"
        )

    def _item(self, number: int) -> str:
        asset = ASSETS[int(self._chance.roll("asset", number) * len(ASSETS))]
        subject = SUBJECTS[int(self._chance.roll("subject", number) * len(SUBJECTS))].format(asset=asset)
        at = datetime.fromtimestamp(number * HEADLINE_EVERY_S, tz=UTC)
        title = escape(f"{subject} ({at:%d %b %H:%M})")
        return (
            f"<item><title>{title}</title><link>http://127.0.0.1/news/{number}</link>"
            f"<guid>{number}</guid><pubDate>{format_datetime(at)}</pubDate></item>"
        )
