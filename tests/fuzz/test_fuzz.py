"""A thousand odd and damaged files: see `tests.fuzz.check` for what has to hold.

``python -m tests.fuzz --only SEED`` makes the file of a seed again.
"""

import os

import numpy as np
import pytest

from tests.conftest import needs_jit
from tests.fuzz.check import Said, check_message, compare_cells
from tests.fuzz.read_independently import Reading
from tests.fuzz.workers import check_seeds

FILES = 1_000


@needs_jit
@pytest.mark.slow
def test_every_command_does_right_by_every_file():
    found = list(check_seeds(range(FILES), os.cpu_count() or 1))
    assert len(found) == FILES
    assert not [f"{result.seed}: {fault}" for result in found for fault in result.faults]


@pytest.mark.parametrize(
    ("code", "err", "wrong"),
    [
        (0, "", ""),
        (0, "note: cells are large\nnote: cells are few\n", ""),
        (1, "note: a\nfastkm: a.nc: no such file\n", ""),
        (1, "", "0 sentences"),
        (0, "fastkm: no\n", "1 sentences with exit status 0"),
        (1, "fastkm: no\nbecause\n", "printed beside"),
        (1, "fastkm: no\nfastkm: no\n", "2 sentences"),
        (-1, 'File "fastkm/a.py", line 3\nTypeError: x\n', "traceback: TypeError: x (a.py:3)"),
        (7, "", "exit status 7"),
        (0, "note: a\nnote: a\n", "said twice"),
        (0, "note: \x1b[2J\n", "control characters"),
        (0, "note: overflow encountered in cast\n", "a note of a library"),
    ],
)
def test_what_is_wrong_with_a_message_is_found(code, err, wrong):
    found = check_message(Said(code, "", err, ["cluster", "a.nc"]))
    assert wrong in found[0] if wrong else not found


@pytest.mark.parametrize(
    ("labels", "wrong"),
    [
        ([[0, 1, -1]], ""),
        ([[0, 1, 1]], "missing cells differ in 1 of 3: [9.0] have a label"),
        ([[0, -1, -1]], "missing cells differ in 1 of 3: [2.0] have none"),
        ([[1, 0, -1]], "labels do not rise with values"),
        ([[0, 1]], "shape"),
    ],
)
def test_what_is_wrong_with_a_label_map_is_found(labels, wrong):
    stored = np.array([[1.0, 2.0, 9.0]])
    reading = Reading(("y", "x"), stored, stored == 9, 1.0, 0.0)
    found = compare_cells(np.array(labels), reading, ("y", "x"))
    assert wrong in found[0] if wrong else not found
