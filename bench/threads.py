"""Limit the threads of all libraries: fastkm, BLAS, OpenMP, and oneDAL and dask, which keep their own number."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from threadpoolctl import threadpool_limits

from fastkm._core.threads import count_usable_cpus

ALL = count_usable_cpus()
VARIABLES = ("FASTKM_NUM_THREADS", "OMP_NUM_THREADS")


@contextmanager
def limit_threads(threads: int) -> Iterator[None]:
    """Limit the threads of all libraries, and of the processes that are started within the block."""
    before = {name: os.environ.get(name) for name in VARIABLES}
    os.environ.update(dict.fromkeys(VARIABLES, str(threads)))
    try:
        with threadpool_limits(threads), _limit_dask(threads):
            _limit_onedal(threads)
            yield
    finally:
        _limit_onedal(ALL)
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def _limit_dask(threads: int) -> AbstractContextManager[object]:
    if "dask" not in sys.modules:
        return nullcontext()
    return sys.modules["dask"].config.set(num_workers=threads)


def _limit_onedal(threads: int) -> None:
    if "daal4py" in sys.modules:
        sys.modules["daal4py"].daalinit(threads)
