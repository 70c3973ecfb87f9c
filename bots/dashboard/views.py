"""Pages. Each asks one query and renders one template."""

from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import AnonymousUser
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from bots.api.views.site import software_version
from bots.models import Order, Trade, User
from bots.queries.snapshot import bot_card, own_bots
from bots.queries.trace import decision_trace
from marketdata.models import Exchange
from marketdata.overview import EVENT_KINDS, feeds_view
from marketdata.queries import recent_feed_events

TRADES_PER_PAGE = 100


def person(request: HttpRequest) -> User:
    """Whoever is signed in. Pages are for people only, so nobody is a 404."""
    if isinstance(request.user, AnonymousUser):
        raise Http404
    return request.user


def bootstrap(user: User) -> dict[str, Any]:
    """What the page's scripts begin with."""
    bots = [bot_card(bot) for bot in own_bots(user)]
    return {
        "user_id": user.pk,
        "ws_url": f"/ws/trading/{user.pk}",
        "bots": bots,
        "paper": all(bot["mode"] == "paper" for bot in bots),
        "version": software_version(),
    }


@require_safe
@never_cache
@login_required
def live(request: HttpRequest) -> HttpResponse:
    boot = bootstrap(person(request))
    return render(request, "dashboard/live.html", {"bots": boot["bots"], "bootstrap": boot})


@require_safe
@login_required
def order(request: HttpRequest, order_id: UUID) -> HttpResponse:
    orders = Order.objects.visible_to(person(request)).select_related(
        "bot", "account", "instrument__exchange", "intent__decision__bot", "intent__decision__instrument__exchange"
    )
    found = get_object_or_404(orders.prefetch_related("events", "fills"), pk=order_id)
    return render(request, "dashboard/order.html", {"order": found})


@require_safe
@login_required
def decision(request: HttpRequest, decision_id: UUID) -> HttpResponse:
    trace = decision_trace(person(request), decision_id)
    if trace is None:
        raise Http404
    context = {"decision": trace.decision, "orders": trace.orders, "votes": trace.votes}
    return render(request, "dashboard/decision.html", context)


@require_safe
@login_required
def trades(request: HttpRequest) -> HttpResponse:
    rows = Trade.objects.visible_to(person(request)).select_related("bot", "instrument__exchange")
    page = Paginator(rows, TRADES_PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "dashboard/trades.html", {"page_obj": page, "trades": page.object_list})


@require_safe
@never_cache
@login_required
def feeds(request: HttpRequest) -> HttpResponse:
    """The page, or with ?part=1 what of it changes."""
    now = timezone.now()
    exchange, kind = request.GET.get("exchange", ""), request.GET.get("kind", "")
    codes = list(Exchange.objects.values_list("code", flat=True))
    context = {
        "now": now,
        "feeds": feeds_view(now=now),
        "events": recent_feed_events(exchange=exchange, kind=kind),
        "exchange": exchange if exchange in codes else "",
        "kind": kind if kind in EVENT_KINDS else "",
        "exchanges": codes,
        "kinds": EVENT_KINDS,
    }
    return render(request, "dashboard/_feeds.html" if request.GET.get("part") else "dashboard/feeds.html", context)
