"""Database connections that stay open between calls, for processes that call the database every second."""

from django.db import connections

# The server may have had reasons to forget what a session has gathered.
_LONGEST_S = 300


def keep_connections() -> None:
    """Have each thread keep its connection, and see before it is used again whether it still lives.

    For processes with a few lasting threads. A pool, where one is configured, does the same by itself.
    """
    configured = connections["default"].settings_dict
    if "pool" not in configured["OPTIONS"]:
        configured["CONN_MAX_AGE"] = _LONGEST_S
        configured["CONN_HEALTH_CHECKS"] = True
