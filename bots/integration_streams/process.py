"""The process that publishes: until stopped, through outages of Redis and of the database."""

import signal
import threading
from collections.abc import Sequence

import structlog
from django.conf import settings
from django.db import DatabaseError, connection
from redis import Redis
from redis.exceptions import RedisError

from bots.integration_streams.logs import ORDER_LOG, SIGNAL_LOG
from bots.integration_streams.publisher import Publisher
from bots.integration_streams.stream import NumberedStream

log = structlog.get_logger(__name__)

POLL_S = 0.2
RETRY_S = 1.0


def configured_publishers(redis: Redis) -> list[Publisher]:
    """Those whose stream has a name."""
    wanted = (
        (ORDER_LOG, settings.ORDER_STREAM, settings.ORDER_STREAM_MAXLEN),
        (SIGNAL_LOG, settings.SIGNAL_STREAM, settings.SIGNAL_STREAM_MAXLEN),
    )
    return [Publisher(source, NumberedStream(redis, name, cap=cap)) for source, name, cap in wanted if name]


def run_streams(*, duration_s: float | None = None) -> None:
    """Publish until SIGTERM, SIGINT or the duration."""
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    if duration_s is not None:
        timer = threading.Timer(duration_s, stop.set)
        timer.daemon = True
        timer.start()
    with Redis.from_url(settings.REDIS_URL, socket_connect_timeout=2, socket_timeout=5) as redis:
        publishers = configured_publishers(redis)
        log.info("integration_streams.started", streams=len(publishers))
        publish_until(stop, publishers)
    log.info("integration_streams.stopped", published=sum(found.published for found in publishers))


def publish_until(stop: threading.Event, publishers: Sequence[Publisher]) -> None:
    """Round after round; an outage is told once, and what it held up follows."""
    trouble = ""
    while not stop.is_set():
        try:
            published = sum([found.step() for found in publishers])
        except (RedisError, OSError, DatabaseError) as error:
            if not trouble:
                trouble = f"{type(error).__name__}: {error}"
                log.warning("integration_streams.interrupted", error=trouble)
            if isinstance(error, DatabaseError):
                connection.close()
            stop.wait(RETRY_S)
            continue
        if trouble:
            trouble = ""
            log.info("integration_streams.resumed")
        if not published:
            stop.wait(POLL_S)
    connection.close()
