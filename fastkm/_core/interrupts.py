"""When a signal to stop, as of ctrl-C, reaches the work."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

STOPPED = 130
"""The exit status of a command that ctrl-C has stopped, as shells count: 128 and SIGINT's number."""


@contextmanager
def hold_interrupts(*, ignore: bool = False) -> Iterator[None]:
    """Let ctrl-C, and SIGTERM if it has a handler, wait until the end of a ``with`` block.

    Threads that start in the block never receive ctrl-C. Nor do processes, if `ignore` is True:
    this process receives it, and ends them. Outside the main thread nothing waits.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or not hasattr(signal, "pthread_sigmask"):  # the latter on Windows
        yield
        return
    # a signal that is blocked waits even while it is ignored, and processes inherit both
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    waiting: list[int] = []
    if ignore:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    if callable(handlers[signal.SIGTERM]):  # handlers are not inherited
        signal.signal(signal.SIGTERM, lambda number, _: waiting.append(number))
    try:
        yield
    finally:
        for number, handler in handlers.items():
            if handler is not None:  # one that is not Python's
                signal.signal(number, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        if waiting:
            signal.raise_signal(waiting[0])


@contextmanager
def stop_on_sigterm() -> Iterator[None]:
    """Let SIGTERM, by which batch systems stop a job, do what ctrl-C does within a ``with`` block."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def was_interrupted(error: BaseException | None) -> bool:
    """Return True if an error is a KeyboardInterrupt, or came up while one was on its way.

    What cleans up may fail only because it was interrupted.
    """
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return True
        error = error.__context__
    return False


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
