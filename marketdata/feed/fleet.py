"""The services of one feed process: one for each enabled exchange, following its rows while it runs."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

import structlog
from channels.db import database_sync_to_async

from marketdata.exchanges.catalog import UnknownAdapter
from marketdata.feed.config import FeedConfig, FeedConfigError, enabled_exchanges, load_config
from marketdata.feed.recorder import DATABASE_ERRORS
from marketdata.feed.service import FeedService

log = structlog.get_logger(__name__)

_LOOK_EVERY_S = 1.0

# How to reach and watch an exchange: a service of an earlier answer is of no use.
_Address = tuple[object, ...]


class Fleet:
    """Starts a service when an exchange is enabled, added or changed, and stops it when it is disabled or gone."""

    def __init__(self, make: Callable[[FeedConfig], FeedService]) -> None:
        self._make = make
        self._running: dict[str, tuple[_Address, FeedService, asyncio.Task[None]]] = {}
        self._told: dict[str, str] = {}
        self._waits = False

    @property
    def services(self) -> list[FeedService]:
        return [service for _, service, _ in self._running.values()]

    @property
    def failure(self) -> BaseException | None:
        """Why a service ended, which none does by itself."""
        for _, _, task in self._running.values():
            if task.done() and not task.cancelled() and (error := task.exception()) is not None:
                return error
        return None

    def start(self, config: FeedConfig) -> None:
        service = self._make(config)
        self._running[config.exchange] = (_address(config), service, asyncio.create_task(service.run()))
        log.info(
            "[WS] feed started",
            exchange=config.exchange,
            environment=config.environment,
            source="websocket" if config.use_websocket else "rest",
        )

    async def follow_rows(self) -> None:
        """Do as the Exchange rows say, looking once a second, until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(_LOOK_EVERY_S)

    async def look(self) -> None:
        """Do as the Exchange rows say now. While the database is away everything stays as it is."""
        try:
            configs, problems = await database_sync_to_async(_load_enabled, thread_sensitive=False)()
        except DATABASE_ERRORS as error:
            log.debug("[WS] exchanges not read", error=str(error)[:300])
            return
        self._tell(problems, waits=not configs)
        await self._match(configs)

    async def close(self, *, timeout_s: float) -> bool:
        """Stop everything. False when something did not stop in time."""
        tasks = [task for _, _, task in self._running.values()]
        for task in tasks:
            task.cancel()
        return not tasks or not (await asyncio.wait(tasks, timeout=timeout_s))[1]

    async def _match(self, configs: Sequence[FeedConfig]) -> None:
        wanted = {config.exchange: config for config in configs}
        for code, (address, _, task) in list(self._running.items()):
            if task.done():
                continue
            if code not in wanted or _address(wanted[code]) != address:
                log.info("[WS] exchange disabled or changed", exchange=code)
                task.cancel()
                await asyncio.wait({task})
                del self._running[code]
        for code, config in wanted.items():
            if code not in self._running:
                self.start(config)

    def _tell(self, problems: Mapping[str, str], *, waits: bool) -> None:
        """Each thing once."""
        for code, problem in problems.items():
            if self._told.get(code) != problem:
                log.error("[WS] exchange cannot be streamed", exchange=code, error=problem)
        self._told = dict(problems)
        if waits and not self._waits:
            log.warning("[WS] no exchange is enabled: waiting until one is enabled or added in the admin")
        self._waits = waits


def _load_enabled() -> tuple[list[FeedConfig], dict[str, str]]:
    """The enabled exchanges, and by code what is wrong with those that cannot be used."""
    configs, problems = [], {}
    for code in enabled_exchanges():
        try:
            configs.append(load_config(code))
        except (FeedConfigError, UnknownAdapter) as error:
            problems[code] = str(error)
    return configs, problems


def _address(config: FeedConfig) -> _Address:
    return (
        config.exchange_id,
        config.environment,
        config.clock,
        config.adapter.name,
        config.endpoints,
        config.connection,
        config.second_source,
        config.divergence_bps,
        config.failed_after,
    )
