"""What is known of each blend's worth at the decision horizon: what the edge of a position is computed from."""

from collections.abc import Mapping

from quant.edge import HORIZON_S, Evidence
from quant.models import EvidenceKind, EvidenceRow, EvidenceVerdict

Key = tuple[str, str, int | None]
SIGNIFICANT = (EvidenceVerdict.SUPPORTS, EvidenceVerdict.CONTRADICTS)


def known_edges() -> Mapping[Key, Evidence]:
    """By (exchange, symbol, bot), and with None in place of the bot for the default blend. One query."""
    rows = EvidenceRow.objects.filter(
        kind__in=(EvidenceKind.BLEND, EvidenceKind.BOT), horizon_s=int(HORIZON_S), regime="", ic__isnull=False
    )
    return {
        (exchange, symbol, bot): Evidence(ic=ic, is_significant=verdict in SIGNIFICANT)
        for exchange, symbol, bot, ic, verdict in rows.values_list("exchange", "symbol", "bot", "ic", "verdict")
        if ic is not None
    }


def edge_for(known: Mapping[Key, Evidence], *, exchange: str, symbol: str, bot_id: int) -> Evidence | None:
    """Of the bot's own blend, else of the default one; None where neither has been weighed."""
    return known.get((exchange, symbol, bot_id)) or known.get((exchange, symbol, None))
