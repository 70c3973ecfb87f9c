"""A model as text: JSON around LightGBM's own text format. Nothing in it is code, and nothing of it is run."""

import hashlib

import msgspec
from msgspec import Struct

from quant.learning.failures import ArtefactError
from quant.learning.fit import Baseline

__all__ = ["FORMAT", "Artefact", "ArtefactError", "Reference", "dump", "load", "sha256"]

FORMAT = 1


class Reference(Struct, frozen=True, kw_only=True):
    """How something was distributed where the model learned. `shares` has one more than `edges`, and a last one of NaN."""

    edges: list[float]
    shares: list[float]


class Artefact(Struct, frozen=True, kw_only=True):
    """All that serving needs."""

    format: int
    features: list[str]
    schema_hash: str
    booster: str
    temperature: float
    prior: list[float]
    # BUY where p_buy - p_sell is above it, SELL where it is below minus it.
    theta: float
    baseline: Baseline
    # By feature, and of p_buy - p_sell.
    reference: dict[str, Reference]
    lean: Reference
    # By feature, shares of the trees' gain.
    importance: dict[str, float]


def dump(artefact: Artefact) -> tuple[str, str]:
    """(text, sha256 of its bytes)."""
    text = msgspec.json.encode(artefact).decode()
    return text, sha256(text)


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def load(text: str, *, expected_sha256: str, schema_hash: str, name: str) -> Artefact:
    """Read it back. Raises ArtefactError, naming the model and what does not match."""
    found = sha256(text)
    if found != expected_sha256:
        raise ArtefactError(
            f"{name} was changed after it was registered: its sha256 is {found[:12]}…, registered was "
            f"{expected_sha256[:12]}…. Retire it and train again."
        )
    try:
        artefact = msgspec.json.decode(text, type=Artefact)
    except msgspec.DecodeError as error:
        raise ArtefactError(f"{name} cannot be read: {error}. Retire it and train again.") from None
    if artefact.format != FORMAT:
        raise ArtefactError(f"{name} is of format {artefact.format}, this version reads {FORMAT}: train again.")
    if artefact.schema_hash != schema_hash:
        raise ArtefactError(
            f"{name} learned from features {artefact.schema_hash[:12]}…, this version makes {schema_hash[:12]}…: "
            "train again."
        )
    return artefact
