"""Celery's doors: thin tasks of two queues. `monitor` must never wait; `jobs` may take long.

The schedule is in the database (django-celery-beat), made by a migration and edited in the admin.
"""

from celery import shared_task

from bots.monitor.ledger import check_ledger as check_the_ledger


@shared_task(name="bots.check_ledger", queue="jobs")
def check_ledger() -> None:
    """Once a minute."""
    check_the_ledger()
