"""Wiring: settings, addresses, ASGI, Celery, the embedded servers and the local supervisor."""

from tradingsite.celery import app as celery_app

__all__ = ["celery_app"]
