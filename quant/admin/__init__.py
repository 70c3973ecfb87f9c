"""Models in the admin: trainings are asked for and watched, versions are judged and moved, policies are read."""

from quant.admin import policies, runs, versions

__all__ = ["policies", "runs", "versions"]
