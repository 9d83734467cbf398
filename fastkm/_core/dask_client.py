"""Whether there is a client of `dask.distributed`, whose workers do the work.

`dask.distributed` is not imported: if it is not loaded, there is no client.
"""

from __future__ import annotations

import sys
from typing import Any


def current_client() -> Any:
    """Return the current client of `dask.distributed`; None if there is none, or inside a task.

    A task must not wait for other tasks.
    """
    distributed = sys.modules.get("distributed")
    if distributed is None or in_worker():
        return None
    try:
        return distributed.get_client()
    except ValueError:
        return None


def in_worker() -> bool:
    """Return True if this thread runs a task of `dask.distributed`."""
    utils = sys.modules.get("distributed.utils")
    return utils is not None and hasattr(utils.thread_state, "execution_state")
