"""Market data for scripts: `from marketdata.streams import WebSocketClient, WebSocketManager, StreamDataCollector`.

Needs neither Django nor its settings. See docs/streams.md.
"""

from marketdata.ccxtpro.names import NotSimulated, UnknownExchange
from marketdata.streaming.client import WebSocketClient
from marketdata.streaming.collector import StreamDataCollector
from marketdata.streaming.manager import WebSocketManager
from marketdata.streaming.stream import Alert, StreamRefused, StreamStopped

__all__ = [
    "Alert",
    "NotSimulated",
    "StreamDataCollector",
    "StreamRefused",
    "StreamStopped",
    "UnknownExchange",
    "WebSocketClient",
    "WebSocketManager",
]
