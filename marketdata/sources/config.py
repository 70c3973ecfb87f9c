"""The slow sources as their rows say, and the names under which their observations are stored."""

from dataclasses import dataclass

from django.conf import settings

from marketdata.models import Environment, SlowSource
from marketdata.sources.catalog import KINDS

_NAME_CHARACTERS = 27
_ENDINGS = {Environment.SIMULATED: ":sim", Environment.TESTNET: ":test", Environment.LIVE: ""}


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceConfig:
    """One source. Another config, another service."""

    id: int
    name: str
    kind: str
    stored_name: str
    url: str
    trusted_origin: str


def stored_name(name: str, environment: str) -> str:
    """What observations of a source are stored under: those of the simulated exchange never mix with real ones."""
    ending = _ENDINGS[Environment(environment)]
    return (name[:_NAME_CHARACTERS] if ending else name) + ending


def enabled_sources() -> list[SourceConfig]:
    return [source_config(row) for row in SlowSource.objects.filter(enabled=True)]


def source_config(row: SlowSource) -> SourceConfig:
    is_simulated = row.environment == Environment.SIMULATED
    return SourceConfig(
        id=row.pk,
        name=row.name,
        kind=row.kind,
        stored_name=stored_name(row.name, row.environment),
        url=row.url or KINDS[row.kind].url(row.environment, settings.SIMULATOR_URL),
        trusted_origin=settings.SIMULATOR_URL if is_simulated else "",
    )


def foreign_names() -> set[str]:
    """The stored names of the sources in the environments that they are not in now."""
    return {
        stored_name(row.name, environment)
        for row in SlowSource.objects.all()
        for environment in Environment.values
        if environment != row.environment
    }
