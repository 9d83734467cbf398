"""The only place with Numba's options and the cache policy.

Kernels release the GIL and are serial: `_parallel` maps them over chunks. They compile on their
first call, never at import, and the machine code is kept on disk beside the source (or in
``NUMBA_CACHE_DIR``), so a second process compiles nothing. Where no folder can be written, a
read-only install for example, they compile in memory instead of failing at import.

Numba notices a change of the file that a kernel stands in, not of files that it calls into, so
the helpers that a kernel inlines stand in its own file.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., Any])

OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": False}
"""Fast-math is said to be off, not left out: a kernel that says nothing takes on the flags of the
kernel that first calls it."""


def kernel(function: Function) -> Function:
    """Compile `function` on its first call, without the GIL, cached on disk where possible.

    Nothing is fused, and Numba is told so: what is left open, a kernel that is first compiled
    because a fused one calls it would take over from there, and another time not.

    Examples
    --------
    >>> @kernel
    ... def twice(x):
    ...     return 2 * x
    >>> twice(21)
    42
    """
    return _compiled(function, {**OPTIONS, "fastmath": False})


def fused_kernel(function: Function) -> Function:
    """Compile as `kernel` does, and let products and sums be fused: one rounding, not two.

    The fast-math flag is ``contract``. Sums keep their order, NaN and infinities
    their meaning.

    Examples
    --------
    >>> @fused_kernel
    ... def axpy(a, x, y):
    ...     return a * x + y
    >>> axpy(2.0, 3.0, 4.0)
    10.0
    """
    return _compiled(function, {**OPTIONS, "fastmath": {"contract"}})


def loose_kernel(function: Function) -> Function:
    """Compile as `fused_kernel` does, and let sums be taken in any order (``reassoc``).

    For numbers that only bound an error: a sum of squares then runs in vectors.

    Examples
    --------
    >>> @loose_kernel
    ... def total(x):
    ...     return x[0] + x[1]
    >>> total((1.0, 2.0))
    3.0
    """
    return _compiled(function, {**OPTIONS, "fastmath": {"contract", "reassoc"}})


def _compiled(function: Function, options: dict[str, Any]) -> Function:
    compiled: Any
    try:
        compiled = numba.njit(cache=True, **options)(function)
    except RuntimeError:  # Numba: "cannot cache function: no locator available"
        compiled = numba.njit(**options)(function)
    return cast("Function", compiled)
