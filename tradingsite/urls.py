"""Addresses of the whole site."""

from django.contrib import admin
from django.urls import include, path

from bots.api.views.quant import SignalsAlias
from tradingsite.health import livez, readyz
from tradingsite.metrics import metrics

handler404 = "bots.api.views.unknown.not_found"
urlpatterns = [
    path("livez", livez, name="livez"),
    path("readyz", readyz, name="readyz"),
    path("metrics", metrics, name="metrics"),
    path("admin/", admin.site.urls),
    path("api/", include("bots.api.urls")),
    path("signals", SignalsAlias.as_view(), name="signals"),
    path("", include("bots.dashboard.urls")),
]
