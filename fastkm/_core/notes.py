"""Warnings that point to the line of the user, and notes that are given once.

What is ignored in a file is said when it is met first.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

PACKAGE = str(Path(__file__).parents[1]) + os.sep
"""The folder of fastkm."""

_given: set[str] = set()


def warn_user(text: str, category: type[Warning] = UserWarning) -> None:
    """Warn, and point to the line that called fastkm, however deep in fastkm the reason was found."""
    warnings.warn(text, category, stacklevel=_find_stacklevel())


def _find_stacklevel() -> int:
    """Return how far the user's line is from `warn_user`, as `warnings.warn` counts.

    It is the caller of the outermost function of fastkm, since dask, say, may stand between two of
    them. The machinery of ``import`` does not count.
    """
    frame: FrameType | None = sys._getframe(1)
    level = found = 1
    while frame is not None:
        file = frame.f_code.co_filename
        if not ("importlib" in file and "_bootstrap" in file):
            level += 1
            found = level if file.startswith(PACKAGE) else found
        frame = frame.f_back
    return found


def note_once(text: str, topic: str = "") -> None:
    """Warn, but not again in this process on the same topic, which by default is the text.

    Examples
    --------
    >>> with warnings.catch_warnings(record=True) as given:
    ...     warnings.simplefilter("always")
    ...     note_once("there is no such coordinate")
    ...     note_once("there is no such coordinate")
    >>> len(given)
    1
    """
    if (topic or text) not in _given:
        warn_user(text)
        _given.add(topic or text)


@contextmanager
def ignore_notes() -> Iterator[None]:
    """Ignore all warnings, and forget the notes among them: for a look at what is read again."""
    given = set(_given)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        _given.intersection_update(given)


def forget_notes() -> None:
    """Forget which notes were given, so that they are given again."""
    _given.clear()
