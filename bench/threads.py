"""How many threads everybody may use: fastkm, BLAS and OpenMP, and oneDAL and dask, which keep their own number."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from threadpoolctl import threadpool_limits

from fastkm._core.threads import usable_cpus

ALL = usable_cpus()
VARIABLES = ("FASTKM_NUM_THREADS", "OMP_NUM_THREADS")


@contextmanager
def limited(threads: int) -> Iterator[None]:
    """Let everybody use so many threads, also the processes that are started meanwhile."""
    before = {name: os.environ.get(name) for name in VARIABLES}
    os.environ.update(dict.fromkeys(VARIABLES, str(threads)))
    try:
        with threadpool_limits(threads), _dask_limited(threads):
            _tell_onedal(threads)
            yield
    finally:
        _tell_onedal(ALL)
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def _dask_limited(threads: int) -> AbstractContextManager[object]:
    if "dask" not in sys.modules:
        return nullcontext()
    return sys.modules["dask"].config.set(num_workers=threads)


def _tell_onedal(threads: int) -> None:
    if "daal4py" in sys.modules:
        sys.modules["daal4py"].daalinit(threads)
