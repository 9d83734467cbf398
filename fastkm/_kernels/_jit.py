"""The only place with Numba's options and the cache policy.

Kernels release the GIL and are serial: `fastkm._core.threads` maps them over chunks. They compile
on their first call, never at import. The machine code is kept on disk beside the source (or in
``NUMBA_CACHE_DIR``), so a second process compiles nothing. Where no file can be written, as in a
read-only install or on a full disk, they compile in memory. So they do where a file is damaged, or
holds what another process wrote under the same name.

Numba notices a change of the file of a kernel, but not of other files that the kernel calls into.
So the stamp of a cached kernel is that of all files in its folder: kernels may call each other.

What a first call waits for is Numba's work on types and code, so no code is made that nobody calls.
A kernel that another kernel calls is compiled without the function that takes arguments from
Python, and that one is made when Python calls it; none has an entry for C. That spares a fifth of
the time in which the six kernels of `polygonize` compile. `_Compiler` spares what Numba itself does
besides: another two fifths.

The logger ``fastkm`` is told of each kernel that compiles and will be kept, at level INFO; on a
terminal the command says so once.
"""

from __future__ import annotations

import gc
import logging
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from numba.core import entrypoints
from numba.core.caching import FunctionCache, IndexDataCacheFile
from numba.core.compiler import Compiler, DefaultPassBuilder
from numba.core.registry import CPUDispatcher
from numba.core.runtime import rtsys
from numba.core.typed_passes import NopythonRewrites
from numba.core.untyped_passes import InlineClosureLikes

Function = TypeVar("Function", bound=Callable[..., Any])

OPTIONS: dict[str, Any] = {
    "nogil": True,
    "error_model": "numpy",
    "fastmath": False,
    "no_cfunc_wrapper": True,
}
"""Fast-math is explicitly off, not left out: a kernel without the option takes on the flags of the
kernel that first calls it."""

CHECKED_NUMBA = (0, 68)
"""The version of Numba whose private names are known: machine code needs no more than what `_Cache`
loads, compiling no more than what `_Compiler` loads."""

UNUSED_PASSES = (InlineClosureLikes, NopythonRewrites)
"""A twelfth of the time in which a kernel of many lines compiles."""


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
    if numba.config.DISABLE_JIT:
        return function
    compiled: Any = _Kernel(function, targetoptions={**options, "nopython": True})
    # RuntimeError: "cannot cache function: no locator available"
    with suppress(RuntimeError, OSError):
        compiled._cache = _Cache(function)
    return cast("Function", compiled)


class _Compiler(Compiler):
    """Numba's compiler without what only takes time. Numba holds its lock while this compiles."""

    def __init__(self, *args: Any) -> None:
        with _hurry():
            super().__init__(*args)

    def compile_extra(self, func: Callable[..., Any]) -> Any:
        with _hurry():
            return super().compile_extra(func)

    def define_pipelines(self) -> list[Any]:
        """Leave out passes over what kernels do not have: closures, and array expressions."""
        passes = DefaultPassBuilder.define_nopython_pipeline(self.state)
        passes.passes = [one for one in passes.passes if one[0] not in UNUSED_PASSES]
        return [passes]


@contextmanager
def _hurry() -> Iterator[None]:
    """Compile without the search for cycles, and without what other packages add to Numba.

    Numba makes many objects that live long: searching them takes a third of the time. Extensions
    of Numba are loaded when somebody else compiles.
    """
    collects, extended = gc.isenabled(), entrypoints._already_initialized
    gc.disable()
    if numba.version_info.short == CHECKED_NUMBA:
        entrypoints._already_initialized = True
        _load_array_functions()
    try:
        yield
    finally:
        entrypoints._already_initialized = extended
        if collects:
            gc.enable()


@cache
def _load_array_functions() -> None:
    """Load Numba's functions of arrays; on its own Numba loads scipy's linear algebra with them.

    That takes 0.2 s, and only tells whether it is there. A function that needs it asks again.
    """
    from numba.np import linalg

    ensure_blas = linalg.ensure_blas
    linalg.ensure_blas = lambda: None
    try:
        import_module("numba.np.arraymath")
    finally:
        linalg.ensure_blas = ensure_blas


class _Kernel(CPUDispatcher):
    """A kernel that looks different to other kernels: they see one that Python cannot call.

    Its machine code becomes part of the kernel that calls it, and is in the cache there.
    """

    def __init__(self, py_func: Callable[..., Any], targetoptions: dict[str, Any]) -> None:
        super().__init__(py_func, targetoptions=targetoptions, pipeline_class=_Compiler)
        options = {**self.targetoptions, "no_cpython_wrapper": True}
        self._inner = CPUDispatcher(py_func, targetoptions=options, pipeline_class=_Compiler)

    @property
    def _numba_type_(self) -> Any:
        return self._inner._numba_type_

    def _compilation_chain_init_hook(self) -> None:
        """Load no extensions of Numba, not even for a first call: kernels take none of their types."""


class _Cache(FunctionCache):
    """Numba's cache of a function; what cannot be read or written is compiled in memory."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        folder = Path(function.__code__.co_filename).parent
        stamp = (self._impl.locator.get_source_stamp(), *_read_stamps(folder))
        self._cache_file = _CheckedFiles(self.cache_path, self._impl.filename_base, stamp)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Load machine code; Numba's own loads what it knows of compiling first: another 0.17 s.

        Machine code needs what allocates arrays only, and Numba loads the rest before it compiles.
        """
        if numba.version_info.short != CHECKED_NUMBA:
            found = super().load_overload(sig, target_context)
        else:
            rtsys.initialize(target_context)
            found = None
            with self._guard_against_spurious_io_errors():
                found = self._load_overload(sig, target_context)
        if found is None:
            logging.getLogger("fastkm").info("compiling %s", self._py_func.__name__)
        return found

    def save_overload(self, sig: Any, data: Any) -> None:
        with suppress(OSError):
            super().save_overload(sig, data)


@cache
def _read_stamps(folder: Path) -> list[tuple[str, int, int]]:
    """Read the name, the time and the size of all files of Python in a folder, once a process."""
    stats = [(file.name, file.stat()) for file in sorted(folder.glob("*.py"))]
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
