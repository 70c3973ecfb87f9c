class ServersFailed(Exception):
    """A server did not start; the message says which, why and what to do."""


class ServersBusy(ServersFailed):
    """Another process runs servers on the same data."""
