"""The page of what signals were worth: one instrument at one horizon."""

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from bots.dashboard import evidence, evidence_notes
from bots.dashboard.views import person
from bots.models import Bot
from bots.queries.evidence import sampled, visible_evidence, weighed_instruments


@require_safe
@never_cache
@login_required
def page(request: HttpRequest) -> HttpResponse:
    user = person(request)
    instruments = weighed_instruments()
    asked = tuple(request.GET.get("instrument", "").split(":", 1))
    exchange, symbol = asked if asked in instruments else next(iter(instruments), ("", ""))
    horizon_s = evidence.horizon_asked(request.GET.get("horizon", ""))
    rows = list(visible_evidence(user).filter(exchange=exchange, symbol=symbol))
    bots = dict(Bot.objects.visible_to(user).values_list("pk", "name"))
    n, first_ns, last_ns = sampled(exchange, symbol)
    days = settings.EVIDENCE_WINDOW_DAYS
    context = {
        "instruments": [{"key": ":".join(found), "exchange": found[0], "symbol": found[1]} for found in instruments],
        "exchange": exchange,
        "symbol": symbol,
        "chosen": f"{exchange}:{symbol}",
        "horizons": evidence.horizons(horizon_s),
        "horizon_s": horizon_s,
        "horizon_name": evidence.HORIZON_NAMES[horizon_s],
        "subjects": evidence.subjects(rows, horizon_s=horizon_s, window_days=days, bots=bots),
        "scale": evidence.scale_of(rows, horizon_s),
        "regimes": list(evidence.REGIME_NAMES.values()),
        "computed_at": rows[0].computed_at if rows else None,
        "samples": {"n": n, "first_ns": first_ns, "last_ns": last_ns},
        "drifts": evidence_notes.drifts(rows, horizon_s),
        "night": evidence_notes.night(exchange, symbol),
        "first_words": evidence.first_words(),
        "window_days": days,
        "now": timezone.now(),
        "BAR": evidence.BAR_WIDTH,
        "LINE": (evidence.LINE_WIDTH, evidence.LINE_HEIGHT),
    }
    return render(request, "dashboard/evidence.html", context)
