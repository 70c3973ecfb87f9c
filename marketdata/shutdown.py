"""A process that was told to stop ends, whatever a library's task still waits for."""

import logging
import os
import sys
import threading

import structlog

log = structlog.get_logger(__name__)


def forced_end(after_s: float, *, code: int) -> threading.Timer:
    """A timer that ends the process with `code`; start it when stopping begins, cancel it when all is done.

    Seen with Redis gone in the same moment: a task of its client that ignores its cancellation, and a loop that waits
    for it for ever.
    """
    timer = threading.Timer(after_s, _end, (after_s, code))
    timer.daemon = True
    return timer


def _end(after_s: float, code: int) -> None:
    log.error("process.ended_by_force", seconds=after_s)
    sys.stdout.flush()
    logging.shutdown()
    os._exit(code)
