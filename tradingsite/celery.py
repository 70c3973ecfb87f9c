"""The Celery application: `celery -A tradingsite worker`, `celery -A tradingsite beat`."""

import os
import warnings
from typing import Any

from celery import Celery
from celery.signals import setup_logging

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tradingsite.settings")

# It warns root of messages that run code when they are read; ours are JSON, which cannot.
warnings.filterwarnings("ignore", message="You're running the worker with superuser")

app = Celery("tradingsite")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def keep_our_logging(**_: Any) -> None:
    """Django's LOGGING holds for workers too: Celery sets up its own only when nobody listens here."""
