"""What the compliance checker of IOOS says of a file; nothing is downloaded."""

import pytest

checks = pytest.importorskip("compliance_checker.cf.cf_1_8")
suites = pytest.importorskip("compliance_checker.suite")


class Suite(suites.CheckSuite):
    """The checks of CF 1.8 only; to look for all that are installed takes a second."""

    checkers = {"cf:1.8": checks.CF1_8Check}  # noqa: RUF012


def list_faults(path):
    """List what is not as CF 1.8 asks or recommends."""
    suite = Suite()
    dataset = suite.load_dataset(str(path))
    groups, errors = suite.run_all(dataset, ["cf:1.8"])["cf:1.8"]
    dataset.close()
    faults = [text for group in groups if group.value[0] < group.value[1] for text in group.msgs]
    return faults + [repr(error) for error in errors.values()]
