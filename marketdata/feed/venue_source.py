"""The source of a venue that is streamed live: its sockets, or what its adapter has in their place."""

import random
import time

from marketdata.exchanges.adapter import Rest
from marketdata.feed.config import FeedConfig
from marketdata.feed.rules import Rules
from marketdata.feed.sockets import SocketPool
from marketdata.feed.source import Hearer, Source


def venue_source(config: FeedConfig, hearer: Hearer, *, rules: Rules, rest: Rest, rng: random.Random) -> Source:
    """`rules` goes on growing, and parsers know what it knows then; `rest` gives the address of a new socket."""
    if (factory := config.adapter.source_factory) is not None:
        source: Source = factory(
            config_environment=config.environment,
            exchange=config.exchange,
            hearer=hearer,
            rng=rng,
            endpoints=config.endpoints,
            credentials=config.credentials,
            reconnect_max_s=config.connection.reconnect_max_s,
            reconnect_jitter=config.connection.reconnect_jitter,
        )
        return source
    return SocketPool(
        adapter=config.adapter,
        settings=config.connection,
        make_parser=lambda: config.adapter.parser(
            exchange=config.exchange, symbols=rules.symbols, listings=rules.listings
        ),
        address=lambda route: rest.socket_url(config.endpoints.websocket_url, route=route),
        hearer=hearer,
        now_ns=time.time_ns,
        rng=rng,
    )
