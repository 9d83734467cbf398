"""Notes that are given once: what is ignored in a file is said when it is met first."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_given: set[str] = set()


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
        warnings.warn(text, stacklevel=3)
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
