"""Public names that load their module when they are first asked for (SPEC 1, by PEP 562)."""

import sys
from collections.abc import Callable, Mapping
from importlib import import_module


def make_getattr(package: str, modules: Mapping[str, str]) -> Callable[[str], object]:
    """Return a ``__getattr__`` for a package: `modules` says in which of its modules each name stands.

    Examples
    --------
    >>> find = make_getattr("fastkm", {"ClusterError": "errors"})
    >>> find("ClusterError")
    <class 'fastkm.errors.ClusterError'>
    >>> find("Cluster")
    Traceback (most recent call last):
    ...
    AttributeError: module 'fastkm' has no attribute 'Cluster'
    """

    def load(name: str) -> object:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value: object = getattr(import_module(f"{package}.{modules[name]}"), name)
        setattr(sys.modules[package], name, value)  # next time it is found at once
        return value

    return load
