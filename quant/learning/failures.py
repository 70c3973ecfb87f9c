"""Why a stored model does not speak."""


class ArtefactError(Exception):
    """A stored model that must not be used: changed, of another format, or of other features."""


class TreesUnavailable(ArtefactError):
    """This machine cannot run LightGBM; nothing is wrong with the model."""
