"""The models that vote now, ready to speak: read from the registry again and again, so that a rollback needs no restart."""

from collections.abc import Sequence

import structlog
from django.db import connection
from msgspec import Struct

from marketdata.events import TIMEFRAME_SECONDS, Timeframe
from quant.learning.artefact import ArtefactError
from quant.learning.registry import WEIGHT_FACTORS, active_versions, version_for
from quant.learning.serving import Predictor
from quant.models import ModelVersion

log = structlog.get_logger(__name__)


class Voting(Struct, frozen=True, kw_only=True):
    """A version that votes for an instrument, and how much of its weight it has there."""

    name: str
    timeframe: Timeframe
    factor: float
    predictor: Predictor


class ModelShelf:
    """Versions and what can speak for them. `refresh` reads the database; all else is memory. Not for several threads."""

    def __init__(self) -> None:
        self._versions: list[ModelVersion] = []
        self._predictors: dict[tuple[int, str], Predictor] = {}
        self._unusable: set[tuple[int, str]] = set()

    @property
    def statuses(self) -> tuple[tuple[str, str], ...]:
        """(version, status) of all that are active."""
        return tuple((str(version), version.status) for version in self._versions)

    def refresh(self) -> bool:
        """Read the registry; whether anything changed. Raises DatabaseError."""
        try:
            before = self.statuses
            # Artefacts are large, and never change once they are there.
            versions = list(active_versions().defer("artefact", "metrics", "drift", "evidence"))
            for version in versions:
                key = (version.pk, version.sha256)
                if WEIGHT_FACTORS[version.status] > 0.0 and key not in self._predictors and key not in self._unusable:
                    self._make(version, key)
            self._versions = versions
            kept = {(version.pk, version.sha256) for version in versions}
            self._predictors = {key: found for key, found in self._predictors.items() if key in kept}
            return self.statuses != before
        finally:
            connection.close()

    def _make(self, version: ModelVersion, key: tuple[int, str]) -> None:
        try:
            self._predictors[key] = Predictor.from_version(version)
        except ArtefactError as error:
            self._unusable.add(key)
            log.error("model.unusable", model=str(version), reason=str(error))

    def voting(self, exchange: str, symbol: str) -> Sequence[Voting]:
        """The version of each timeframe that votes for an instrument; those in shadow do not."""
        found = []
        usable = [version for version in self._versions if (version.pk, version.sha256) not in self._unusable]
        for timeframe in {version.timeframe for version in usable}:
            version = version_for(usable, exchange=exchange, symbol=symbol, timeframe=timeframe)
            if version is None or WEIGHT_FACTORS[version.status] <= 0.0:
                continue
            frame = next(name for name in TIMEFRAME_SECONDS if name == timeframe)
            predictor = self._predictors[(version.pk, version.sha256)]
            found.append(
                Voting(name=str(version), timeframe=frame, factor=WEIGHT_FACTORS[version.status], predictor=predictor)
            )
        return sorted(found, key=lambda one: TIMEFRAME_SECONDS[one.timeframe])
