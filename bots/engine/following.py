"""Subscriptions of bots that an engine is done with: without this the feeds would stream on for nobody."""

import structlog
from asgiref.sync import sync_to_async
from django.db import DatabaseError, InterfaceError, connection

from bots.models import Bot
from bots.operations.follow_symbols import follow_symbols

log = structlog.get_logger(__name__)


def _follow_again(bot_id: int) -> None:
    try:
        bot = Bot.objects.filter(pk=bot_id).first()
        if bot is not None:
            follow_symbols(bot)
    except (DatabaseError, InterfaceError) as error:
        log.warning("engine.subscriptions.kept", bot_id=bot_id, error=str(error))
    finally:
        # Used once in a while: a kept connection would be found dead after the database was away.
        connection.close()


follow_again = sync_to_async(_follow_again, thread_sensitive=True)
