"""The only place with Numba's options and the cache policy.

Kernels release the GIL and are serial: `fastkm._core.threads` maps them over chunks. They compile
on their first call, never at import. The machine code is kept on disk beside the source (or in
``NUMBA_CACHE_DIR``), so a second process compiles nothing. If no folder can be written to, as in a
read-only install, they compile in memory instead of failing at import.

Numba notices a change of the file of a kernel, but not of other files that the kernel calls into.
So the helpers that a kernel inlines are in its own file.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., Any])

OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": False}
"""Fast-math is explicitly off, not left out: a kernel without the option takes on the flags of the
kernel that first calls it."""


def kernel(function: Function) -> Function:
    """Compile a function on its first call, cached on disk if possible; nothing is fused."""
    return _compile(function, {**OPTIONS, "fastmath": False})


def fused_kernel(function: Function) -> Function:
    """Compile as `kernel` does, and let products and sums be fused: one rounding, not two.

    The fast-math flag is ``contract``: sums keep their order, NaN and infinities their meaning.
    """
    return _compile(function, {**OPTIONS, "fastmath": {"contract"}})


def loose_kernel(function: Function) -> Function:
    """Compile as `fused_kernel` does, and let sums be added up in any order (``reassoc``).

    This is for numbers that only bound an error: a sum of squares is then vectorised.
    """
    return _compile(function, {**OPTIONS, "fastmath": {"contract", "reassoc"}})


def _compile(function: Function, options: dict[str, Any]) -> Function:
    compiled: Any
    try:
        compiled = numba.njit(cache=True, **options)(function)
    except RuntimeError:  # Numba: "cannot cache function: no locator available"
        compiled = numba.njit(**options)(function)
    return cast("Function", compiled)
