"""Run scipy's own tests of scipy.cluster.vq with fastkm's functions in scipy's place.

    python tests/scipy_suite.py [pytest's options]

The functions are put into `scipy.cluster.vq` before its test module is imported, each in a
wrapper that counts its calls, and entered in scipy's table of array-API capabilities, which its
tests consult if there is one (from scipy 1.16 on). The last line tells how many tests passed, failed and were skipped, and how often
each function was called. The exit status is 1 if a test failed or a function was never called.
"""

import functools
import importlib.util
import json
import os
import sys
import warnings
from collections import Counter

import numpy as np
import pytest
import scipy.cluster.vq as scipy_vq
from scipy._lib import _array_api

import fastkm.cluster.vq as fastkm_vq

NAMES = ("kmeans", "kmeans2", "vq", "whiten")


def put_in_place():
    """Put counting wrappers of fastkm's functions into scipy; return them and their counts."""
    capabilities = getattr(_array_api, "xp_capabilities_table", {})
    calls = Counter()

    def counting(name):
        function = getattr(fastkm_vq, name)

        @functools.wraps(function)
        def wrapper(*args, **keywords):
            calls[name] += 1
            return function(*args, **keywords)

        return wrapper

    error = fastkm_vq.ClusterError  # descends from scipy's: loaded before that is replaced
    wrappers = {name: counting(name) for name in NAMES}
    for name, wrapper in wrappers.items():
        if capabilities:
            capabilities[wrapper] = capabilities[getattr(scipy_vq, name)]
        setattr(scipy_vq, name, wrapper)
    scipy_vq.ClusterError = error
    return {**wrappers, "ClusterError": error}, calls


class Results:
    """Pytest plugin: counts outcomes, and sees that the tests hold fastkm's functions."""

    def __init__(self, replacements):
        self.replacements = replacements
        self.outcomes = Counter()

    def pytest_collection_modifyitems(self, items):
        for module in {item.module for item in items}:
            for name, replacement in self.replacements.items():
                if getattr(module, name) is not replacement:
                    raise pytest.UsageError(f"{module.__name__}.{name} is not fastkm's")

    def pytest_runtest_logreport(self, report):
        if report.when == "call" or report.outcome != "passed":
            self.outcomes[report.outcome] += 1


def main(options):
    replacements, calls = put_in_place()
    results = Results(replacements)
    path = importlib.util.find_spec("scipy.cluster.tests.test_vq").origin
    np.random.seed(0)  # some of the tests draw from the global state, and may lose a cluster
    with warnings.catch_warnings():
        status = pytest.main(
            [path, "-q", "-p", "no:cacheprovider", "-c", os.devnull, "-W", "error", *options],
            plugins=[results],
        )
    report = {
        **{outcome: results.outcomes[outcome] for outcome in ("passed", "failed", "skipped")},
        "calls": {name: calls[name] for name in NAMES},
    }
    print(json.dumps(report))
    return 0 if status == 0 and min(report["calls"].values()) > 0 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
