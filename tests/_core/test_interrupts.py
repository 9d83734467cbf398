"""Signals that wait, and SIGTERM that does what ctrl-C does."""

import os
import signal
import threading

import pytest

from fastkm._core.interrupts import hold_interrupts, stop_on_sigterm, was_interrupted


@pytest.fixture(autouse=True)
def python_s_own_handler():
    """Take Python's handler, which is not there if the tests run in the background of a shell."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("ignore", [False, True])
def test_ctrl_c_waits_until_the_end(ignore) -> None:
    before, reached = signal.getsignal(signal.SIGINT), []
    try:
        with hold_interrupts(ignore=ignore):
            signal.raise_signal(signal.SIGINT)
            reached.append(signal.getsignal(signal.SIGINT))
    except KeyboardInterrupt:
        reached.append("raised")
    assert reached == [signal.SIG_IGN if ignore else before, "raised"]
    assert signal.getsignal(signal.SIGINT) is before
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])


def test_threads_that_start_meanwhile_never_receive_it() -> None:
    seen = []
    with hold_interrupts():
        thread = threading.Thread(
            target=lambda: seen.append(signal.pthread_sigmask(signal.SIG_BLOCK, []))
        )
        thread.start()
        thread.join()
    assert signal.SIGINT in seen[0]


def test_outside_the_main_thread_nothing_waits() -> None:
    failed = []

    def hold():
        with hold_interrupts(ignore=True), stop_on_sigterm():
            failed.append(signal.getsignal(signal.SIGINT) is signal.SIG_IGN)

    thread = threading.Thread(target=hold)
    thread.start()
    thread.join()
    assert failed == [False]


def test_sigterm_does_what_ctrl_c_does() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), stop_on_sigterm():
        signal.raise_signal(signal.SIGTERM)
    reached = []
    try:
        with stop_on_sigterm(), hold_interrupts():
            signal.raise_signal(signal.SIGTERM)
            reached.append("the end")
    except KeyboardInterrupt:
        reached.append("raised")
    assert reached == ["the end", "raised"]
    assert signal.getsignal(signal.SIGTERM) is before


def test_an_error_of_what_cleans_up_hides_no_interrupt() -> None:
    def clean_up() -> None:
        try:
            os.close(-1)
        except OSError as error:
            raise OSError("cannot remove") from error

    def work() -> None:
        try:
            raise KeyboardInterrupt
        finally:
            clean_up()

    with pytest.raises(OSError, match="cannot remove") as caught:
        work()
    assert was_interrupted(caught.value)
    assert was_interrupted(KeyboardInterrupt())
    assert not was_interrupted(OSError("full"))
