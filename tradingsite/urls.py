"""Addresses of the whole site."""

from django.contrib import admin
from django.urls import include, path

from tradingsite.health import livez, readyz

urlpatterns = [
    path("livez", livez, name="livez"),
    path("readyz", readyz, name="readyz"),
    path("admin/", admin.site.urls),
    path("api/", include("bots.api.urls")),
    path("", include("bots.dashboard.urls")),
]
