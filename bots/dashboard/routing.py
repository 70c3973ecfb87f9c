"""Addresses of browser sockets."""

from typing import Any

from django.urls import path

from bots.dashboard.consumers import LiveConsumer, TradingConsumer

websocket_urlpatterns: list[Any] = [
    path("ws/trading/<int:user_id>", TradingConsumer.as_asgi()),  # type: ignore[arg-type]
    path("ws/v1", LiveConsumer.as_asgi()),  # type: ignore[arg-type]
]
