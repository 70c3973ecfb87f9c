"""Addresses of pages."""

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import URLPattern, URLResolver, path

from bots.dashboard import evidence_page, views

urlpatterns: list[URLPattern | URLResolver] = [
    path("", views.live, name="live"),
    path("login/", LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("orders/<uuid:order_id>/", views.order, name="order"),
    path("decisions/<uuid:decision_id>/", views.decision, name="decision"),
    path("trades/", views.trades, name="trades"),
    path("feeds/", views.feeds, name="feeds"),
    path("evidence/", evidence_page.page, name="evidence"),
]
