"""Evidence of every followed instrument into its table: what the hourly task does."""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import structlog
from django.db import connection, transaction

from marketdata.models import Subscription
from quant.evidence.blending import BlendSpec
from quant.evidence.grid import Window
from quant.evidence.judging import Evidence, weigh
from quant.evidence.window import read_window
from quant.models import EvidenceRow

log = structlog.get_logger(__name__)

# Of advisory locks: one computation at a time, whoever asked for it.
LOCK = 0x45564944


def compute_evidence(*, now_ns: int, days: int, specs: Sequence[BlendSpec] = ()) -> int:
    """Weigh all followed instruments anew; gives the number of rows, 0 too where another is at it.

    specs: the weights of bots, each on one instrument.
    """
    with _alone() as is_alone:
        if not is_alone:
            log.info("evidence.busy")
            return 0
        start = time.perf_counter()
        total = 0
        wanted = {(spec.exchange, spec.symbol) for spec in specs} | set(followed())
        for exchange, symbol in sorted(wanted):
            own = [spec for spec in specs if (spec.exchange, spec.symbol) == (exchange, symbol)]
            try:
                total += compute_instrument(exchange=exchange, symbol=symbol, now_ns=now_ns, days=days, specs=own)
            except Exception:
                # One instrument's rows must not keep the others from being weighed.
                log.exception("evidence.failed", exchange=exchange, symbol=symbol)
        _forget_old(now_ns, days)
        log.info(
            "evidence.computed", instruments=len(wanted), rows=total, seconds=round(time.perf_counter() - start, 1)
        )
        return total


def compute_instrument(*, exchange: str, symbol: str, now_ns: int, days: int, specs: Sequence[BlendSpec] = ()) -> int:
    """Weigh one instrument; its rows replace those before. Gives how many."""
    window = read_window(exchange=exchange, symbol=symbol, end_ns=now_ns, days=days)
    if window is None:
        return 0
    found = weigh(window, specs)
    at = datetime.fromtimestamp(now_ns / 1e9, tz=UTC)
    rows = [_row(evidence, window, exchange=exchange, symbol=symbol, at=at) for evidence in found]
    with transaction.atomic():
        EvidenceRow.objects.filter(exchange=exchange, symbol=symbol).delete()
        EvidenceRow.objects.bulk_create(rows, batch_size=1000)
    return len(rows)


def followed() -> Iterable[tuple[str, str]]:
    """(exchange, symbol) of everything that is streamed."""
    return Subscription.objects.values_list("exchange__code", "symbol").distinct()


@contextmanager
def _alone() -> Iterator[bool]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
        (is_alone,) = cursor.fetchone() or (False,)
    try:
        yield is_alone
    finally:
        if is_alone:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])


def _forget_old(now_ns: int, days: int) -> None:
    """Rows of instruments that nobody has followed for a whole window."""
    before = datetime.fromtimestamp(now_ns / 1e9, tz=UTC) - timedelta(days=days)
    EvidenceRow.objects.filter(computed_at__lt=before).delete()


def _row(evidence: Evidence, window: Window, *, exchange: str, symbol: str, at: datetime) -> EvidenceRow:
    found, independent, hits, held = evidence.found, evidence.independent, evidence.hits, evidence.performance
    interval = found.interval()
    return EvidenceRow(
        exchange=exchange,
        symbol=symbol,
        kind=evidence.kind.value,
        component=evidence.name,
        bot=evidence.bot_id,
        horizon_s=evidence.horizon_s,
        regime=evidence.regime,
        window_start_ns=window.start_ns,
        window_end_ns=window.end_ns,
        computed_at=at,
        n=found.n,
        n_eff=found.n_eff,
        needed=evidence.judged.needed,
        ic=found.ic,
        ic_low=interval[0] if interval else None,
        ic_high=interval[1] if interval else None,
        t_hac=found.t,
        n_independent=independent.n,
        ic_independent=independent.ic,
        t_independent=independent.t,
        hit_rate=hits.rate,
        hit_low=hits.low,
        hit_high=hits.high,
        turnover=evidence.turnover,
        break_even_bps=evidence.break_even_bps,
        marginal_ic=evidence.marginal_ic,
        half_life_s=evidence.half_life_s,
        sharpe=held.sharpe,
        psr=evidence.psr,
        dsr=evidence.dsr,
        verdict=evidence.judged.verdict.value,
        reason=found.reason,
    )
