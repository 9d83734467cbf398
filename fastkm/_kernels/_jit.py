"""The only place with Numba's options and the cache policy.

Kernels release the GIL and are serial: `fastkm._core.threads` maps them over chunks. They compile
on their first call, never at import. The machine code is kept on disk beside the source (or in
``NUMBA_CACHE_DIR``), so a second process compiles nothing. Where no file can be written, as in a
read-only install or on a full disk, they compile in memory. So they do where a file is damaged, or
holds what another process wrote under the same name.

Numba notices a change of the file of a kernel, but not of other files that the kernel calls into.
So the stamp of a cached kernel is that of all files in its folder: kernels may call each other.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from numba.core.caching import FunctionCache, IndexDataCacheFile

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
    compiled: Any = numba.njit(**options)(function)
    if hasattr(compiled, "enable_caching"):  # not if Numba is disabled
        # RuntimeError: "cannot cache function: no locator available"
        with suppress(RuntimeError, OSError):
            compiled._cache = _Cache(function)
    return cast("Function", compiled)


class _Cache(FunctionCache):
    """Numba's cache of a function; what cannot be read or written is compiled in memory."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        stamp = (self._impl.locator.get_source_stamp(), *_read_stamps(function))
        self._cache_file = _CheckedFiles(self.cache_path, self._impl.filename_base, stamp)

    def save_overload(self, sig: Any, data: Any) -> None:
        with suppress(OSError):
            super().save_overload(sig, data)


def _read_stamps(function: Callable[..., Any]) -> list[tuple[str, int, int]]:
    """Read the name, the time and the size of all files of Python beside that of a function."""
    files = sorted(Path(function.__code__.co_filename).parent.glob("*.py"))
    stats = [(file.name, file.stat()) for file in files]
    return [(name, stat.st_mtime_ns, stat.st_size) for name, stat in stats]


class _CheckedFiles(IndexDataCacheFile):
    """Files that end in a checksum and say what they hold: wrong machine code would run."""

    def save(self, key: Any, data: Any) -> None:
        super().save(key, (self._source_stamp, key, data))

    def load(self, key: Any) -> Any:
        found = super().load(key)
        return found[2] if found is not None and found[:2] == (self._source_stamp, key) else None

    def _dump(self, obj: Any) -> bytes:
        text = super()._dump(obj)
        return text + sha256(text).digest()

    def _load_index(self) -> Any:
        with suppress(OSError):
            content = Path(self._index_path).read_bytes()
            _require_checksum(content.removeprefix(pickle.dumps(self._version, -1)))
            return super()._load_index()
        return {}

    def _load_data(self, name: str) -> Any:
        _require_checksum(Path(self._data_path(name)).read_bytes())
        return super()._load_data(name)


def _require_checksum(content: bytes) -> None:
    text, digest = content[:-32], content[-32:]
    if sha256(text).digest() != digest:
        raise OSError("the checksum is wrong")
