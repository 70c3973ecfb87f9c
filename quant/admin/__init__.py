"""Models in the admin: trainings are asked for and watched, versions are judged and moved."""

from quant.admin import runs, versions

__all__ = ["runs", "versions"]
