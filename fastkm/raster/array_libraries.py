"""Let xarray tell its arrays from those of other libraries without loading these.

Of nearly every array xarray asks if it is one of dask, pint or sparse, and imports the library to ask.
`dask.array` takes 0.7 s, as long as xarray itself with all that it needs, and sparse, if it is
installed, loads numba. A small raster has no use for them. But there can be no array of a library that
is not loaded, and no collection of dask without a method ``__dask_graph__``. So xarray gets the same
answers, sooner.

The two places where it asks are not public. If a version of xarray asks elsewhere, libraries are
loaded as before.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache, partial
from typing import Any

MODULES = {"dask": "dask.array", "pint": "pint", "cupy": "cupy", "sparse": "sparse"}
"""The module of each library that has the type of its arrays."""


def defer_array_libraries() -> None:
    """Keep xarray from loading libraries of arrays before there can be an array of theirs."""
    from xarray.namedarray import pycompat, utils

    known = getattr(pycompat, "_cached_duck_array_modules", None)
    ask = getattr(utils, "is_dask_collection", None)
    if known is None or ask is None or hasattr(ask, "defers"):
        return
    for name in MODULES.keys() - known.keys():
        known[name] = _Deferred(name, pycompat.DuckArrayModule)

    def is_dask_collection(x: Any) -> bool:
        return hasattr(x, "__dask_graph__") and ask(x)

    is_dask_collection.defers = True  # type: ignore[attr-defined]
    utils.is_dask_collection = is_dask_collection  # type: ignore[assignment]


class _Deferred:
    """What xarray keeps of a library; the type of its arrays is none as long as it is not loaded."""

    def __init__(self, name: str, load: Callable[[Any], Any]) -> None:
        self.module, self.load = MODULES[name], cache(partial(load, name))

    @property
    def type(self) -> tuple[Any, ...]:
        return self.load().type if self.module in sys.modules else ()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.load(), name)
