"""The cache policy of the kernels."""

import errno
import gc
import os
import subprocess
import sys
from contextlib import nullcontext

import numba
import numpy as np
import pytest
from numba.core import caching, entrypoints, event

from fastkm._kernels._jit import CHECKED_NUMBA, OPTIONS, fused_kernel, kernel, loose_kernel
from tests.conftest import needs_jit

IS_CHECKED = numba.version_info.short == CHECKED_NUMBA
"""Only this version of Numba is kept from loading what is not needed."""

SOURCE = """
def twice(x):
    return 2 * x
"""


def function_in(file):
    """Define a function as if it stood in a file."""
    names = {"__name__": __name__}  # the cache imports the module of a function
    exec(compile(SOURCE, str(file), "exec"), names)  # noqa: S102
    return names["twice"]


@pytest.fixture
def nowhere(monkeypatch):
    """Make every folder unwritable to Numba's cache."""

    def refuse(locator):
        raise PermissionError(13, "read-only", locator.get_cache_path())

    monkeypatch.setattr(caching._CacheLocator, "ensure_cache_path", refuse)


@needs_jit
def test_a_kernel_in_a_read_only_place_compiles_without_a_cache(nowhere, tmp_path):
    file = tmp_path / "readonly.py"
    file.write_text(SOURCE)
    with pytest.raises(RuntimeError, match="cannot cache"):
        numba.njit(cache=True)(function_in(file))
    twice = kernel(function_in(file))
    assert twice(21) == 42
    assert twice.stats.cache_path is None


@needs_jit
def test_what_a_fused_kernel_calls_is_not_fused_unless_it_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "cache"))  # compiled here and now

    @kernel
    def exactly(a, b, c):
        return a * b + c

    @fused_kernel
    def calls(a, b, c):
        return exactly(a, b, c)

    @fused_kernel
    def fuses(a, b, c):
        return a * b + c

    x = 1 + 2.0**-30
    rounded = x * x - 1  # before the sum, too
    assert calls(x, x, -1.0) == exactly(x, x, -1.0) == rounded
    assert fuses(x, x, -1.0) in {rounded, 2.0**-29 + 2.0**-60}  # some processors cannot fuse


@needs_jit
def test_a_kernel_without_a_file_compiles_without_a_cache():
    with pytest.raises(RuntimeError, match="cannot cache"):
        numba.njit(cache=True)(function_in("<nowhere>"))
    assert kernel(function_in("<nowhere>"))(21) == 42


@needs_jit
def test_a_second_dispatcher_takes_the_code_from_the_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "cache"))
    file = tmp_path / "module.py"
    file.write_text(SOURCE)
    first, second = kernel(function_in(file)), kernel(function_in(file))
    assert first(1) == second(1) == 2
    assert sum(first.stats.cache_misses.values()) == 1
    assert sum(second.stats.cache_hits.values()) == 1
    assert not second.stats.cache_misses


@needs_jit
def test_a_kernel_that_a_kernel_calls_is_made_for_python_when_python_calls_it(nowhere):
    @kernel
    def twice(x):
        return 2 * x

    @kernel
    def four_times(x):
        return twice(twice(x))

    with event.install_recorder("numba:compile") as recorder:
        assert four_times(21) == 84
    kernels = [data.data["dispatcher"] for _, data in recorder.buffer if data.is_start]
    wrapped = [one for one in kernels if not one.targetoptions.get("no_cpython_wrapper")]
    assert wrapped == [four_times]
    assert len(kernels) == 2
    assert twice.signatures == []
    assert twice(1.5) == 3.0


@needs_jit
def test_no_kernel_has_an_entry_for_c():
    assert kernel(function_in("<nowhere>")).targetoptions["no_cfunc_wrapper"] is True


@needs_jit
def test_kernels_from_the_cache_do_not_load_what_only_compiling_needs(tmp_path, monkeypatch):
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "cache"))
    file = tmp_path / "module.py"
    file.write_text(SOURCE)
    kernel(function_in(file))(1)
    loaded = kernel(function_in(file))

    def refuse(_):
        raise AssertionError("this prepares to compile")

    monkeypatch.setattr(type(loaded.targetctx), "load_additional_registries", refuse)
    with (
        nullcontext() if IS_CHECKED else pytest.raises(AssertionError, match="prepares to compile")
    ):
        assert loaded(1) == 2


@needs_jit
@pytest.mark.parametrize("collects", [True, False])
def test_compiling_leaves_the_collector_and_the_extensions_as_they_were(
    collects, nowhere, monkeypatch
):
    monkeypatch.setattr(entrypoints, "_already_initialized", False)
    seen = []

    class Watch(event.Listener):
        def on_start(self, event):
            seen.append((gc.isenabled(), entrypoints._already_initialized))

        def on_end(self, event):
            pass

    was = gc.isenabled()
    (gc.enable if collects else gc.disable)()
    try:
        with event.install_listener("numba:run_pass", Watch()):
            assert kernel(function_in("<nowhere>"))(21) == 42
        assert gc.isenabled() == collects
    finally:
        (gc.enable if was else gc.disable)()
    assert set(seen) == {(False, IS_CHECKED)}
    assert entrypoints._already_initialized is False


@needs_jit
@pytest.mark.slow
def test_compiling_does_not_load_linear_algebra_and_others_may_still_use_it():
    code = """
import sys
import numba, numpy as np
from fastkm._kernels._jit import kernel
assert kernel(lambda x: 2 * x)(21) == 42
assert "scipy.linalg" not in sys.modules
assert numba.njit(lambda a: a @ a)(np.eye(2)).sum() == 2
assert "scipy.linalg" in sys.modules
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True)


@needs_jit
@pytest.mark.parametrize("suffix", [".nbi", ".nbc"])
@pytest.mark.parametrize("damage", ["empty", "cut", "bit", "garbage"])
def test_damaged_files_of_the_cache_are_compiled_again(suffix, damage, tmp_path, monkeypatch):
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "cache"))
    file = tmp_path / "module.py"
    file.write_text(SOURCE)
    assert kernel(function_in(file))(1) == 2

    [path] = (tmp_path / "cache").glob(f"*/*{suffix}")
    content = path.read_bytes()
    middle = len(content) // 2
    flipped = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
    damaged = {"empty": b"", "cut": content[:-20], "bit": flipped, "garbage": b"\x80garbage" * 9}
    path.write_bytes(damaged[damage])

    second = kernel(function_in(file))
    assert second(1) == 2
    assert sum(second.stats.cache_misses.values()) == 1
    third = kernel(function_in(file))
    assert third(1) == 2
    assert sum(third.stats.cache_hits.values()) == 1


@needs_jit
def test_what_another_process_wrote_under_the_same_name_is_not_run(tmp_path, monkeypatch):
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "cache"))
    file = tmp_path / "module.py"
    file.write_text(SOURCE)
    assert kernel(function_in(file))(1) == 2
    [index] = (tmp_path / "cache").glob("*/*.nbi")
    [_] = (tmp_path / "cache").glob("*/*.nbc")
    for_integers = index.read_bytes()
    index.unlink()
    assert kernel(function_in(file))(1.5) == 3.0  # overwrites the code
    index.write_bytes(for_integers)
    second = kernel(function_in(file))
    assert second(1) == 2
    assert isinstance(second(1), int)
    assert sum(second.stats.cache_misses.values()) == 1


@needs_jit
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EIO])
def test_a_kernel_compiles_in_memory_if_its_cache_cannot_be_written(code, tmp_path, monkeypatch):
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "cache"))
    file = tmp_path / "module.py"
    file.write_text(SOURCE)
    twice = kernel(function_in(file))

    def refuse(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(caching.IndexDataCacheFile, "_open_for_write", refuse)
    assert twice(21) == 42


@needs_jit
def test_a_kernel_is_serial_and_releases_the_gil():
    options = kernel(function_in("<nowhere>")).targetoptions
    assert options["nogil"] is True
    assert not options.get("parallel", False)
    assert not options.get("fastmath", False)


@needs_jit
def test_nothing_compiles_before_the_first_call():
    twice = kernel(function_in("<nowhere>"))
    assert twice.signatures == []
    twice(1.0)
    assert len(twice.signatures) == 1


@needs_jit
def test_importing_the_kernels_compiles_nothing():
    code = (
        "import numba.core.event as event, fastkm\n"
        "with event.install_recorder('numba:compile') as recorder:\n"
        "    fastkm.kmeans, fastkm.kmeans1d, fastkm.max_pairwise_distance\n"
        "print(len(recorder.buffer))"
    )
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert run.stdout == "0\n"


@needs_jit
def test_division_by_zero_is_numpys():
    def quotient(a, b):
        return a / b

    assert np.isinf(kernel(quotient)(1.0, 0.0))


@needs_jit
@pytest.mark.parametrize(("options", "fused"), [(OPTIONS, False), ({}, True)])
def test_a_kernel_does_not_take_on_the_fast_math_of_its_caller(options, fused):
    inner = numba.njit(**options)(lambda s, x, y: s + x * y)

    def call(s, x, y):
        return inner(s, x, y)

    third = 1.0 / 3.0
    rounded = -(third * third)  # fused, what the rounding took off is left
    outer = numba.njit(fastmath={"contract"})(call)
    assert (outer(rounded, third, third) != 0.0) == fused


def test_a_loose_kernel_sums_in_any_order_and_keeps_nan():
    @loose_kernel
    def add_up(x):
        total = 0.0
        for i in range(len(x)):
            total += x[i]
        return total

    x = np.random.default_rng(0).random(1000)
    assert abs(add_up(x) - x.sum()) < 1e-9
    assert np.isnan(add_up(np.array([1.0, np.nan, 2.0])))
