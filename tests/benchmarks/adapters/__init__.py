"""What a frame costs at each venue: a module an adapter."""

import importlib
import pkgutil

from tests.benchmarks.rows import Row


def run() -> dict[str, Row]:
    rows: dict[str, Row] = {}
    for module in pkgutil.iter_modules(__path__, f"{__name__}."):
        rows |= importlib.import_module(module.name).run()
    return rows
