"""Time all rivals on one piece of work, in turn, so that a machine that slows down slows all alike.

Every rival does the work once without the clock, at the very size that is asked for: which kernels
are compiled depends on the size. Then it does it round after round, until it has used its allowance of
seconds. So a quick rival is measured seven times, one that takes minutes is measured once, and the
tables say how often.
"""

from __future__ import annotations

import statistics
import time
import warnings
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from bench.case import OURS, Case, Rival
from bench.threads import ALL, limit_threads

ROUNDS = 7
ALLOWANCE = {"tiny": 0.0, "small": 2.0, "full": 8.0}
"""Seconds of a rival on a case after which it takes part in no further round."""

BRIEF = 5e-3
"""Seconds that a rival has the clock in a round: work that takes less is repeated, and the mean counts.
Done once, it is slower by half for whoever comes after a rival that has filled the caches."""


@dataclass
class Measurement:
    """The times of a rival on a case, with a number of threads.

    Attributes
    ----------
    case, rival : str
        Their names.
    threads : int
        The threads that the rival was allowed.
    seconds : list of float
        The time of each counted run.
    yardstick : bool
        Whether it is a plain pass over the data instead of the same work.
    loss : float, optional
        The loss of its answer, if the case has one.
    at : dict of str to int
        The place of the case on the axes of a plot.
    name_at_size : str
        The name of the case with the size that was run, if that is not the full one.
    """

    case: str
    rival: str
    threads: int
    seconds: list[float] = field(default_factory=list)
    yardstick: bool = False
    loss: float | None = None
    at: dict[str, int] = field(default_factory=dict)
    name_at_size: str = ""

    @property
    def work(self) -> str:
        """What was done: the name of the case, with the size that was run."""
        return self.name_at_size or self.case

    @property
    def median(self) -> float:
        """The median of the counted runs, in seconds."""
        return statistics.median(self.seconds)


def list_runs(case: Case, threads: Collection[int] = (ALL,)) -> list[tuple[str, Rival, int]]:
    """Return each rival with the numbers of threads to run it on.

    fastkm runs on one thread too if a rival uses one only.
    """
    present = case.present()
    serial = {1} if any(rival.serial for rival in present.values()) else set()
    found = []
    for name, rival in present.items():
        allowed = {1} if rival.serial else {*threads} | (serial if name == OURS else set())
        found += [(name, rival, number) for number in sorted(allowed, reverse=True)]
    return found


def measure(
    case: Case,
    size: str,
    *,
    threads: Collection[int] = (ALL,),
    leave_out: Collection[str] = (),
    allowance: float | None = None,
) -> list[Measurement]:
    """Time a case.

    Parameters
    ----------
    case : Case
        The work.
    size : {"tiny", "small", "full"}
        How much of it.
    threads : collection of int
        The numbers of threads that rivals are allowed, in turn; a serial rival has one.
    leave_out : collection of str
        Rivals that would take too long.
    allowance : float, optional
        Seconds of a rival after which it takes part in no further round, instead of `ALLOWANCE`.

    Returns
    -------
    list of Measured
        One for each rival and number of threads, fastkm first.

    Raises
    ------
    AssertionError
        If an answer is not right.
    """
    enough = ALLOWANCE[size] if allowance is None else allowance
    running = [one for one in list_runs(case, threads) if one[0] not in leave_out]
    found = [
        Measurement(
            case.name,
            name,
            number,
            yardstick=rival.yardstick,
            at=dict(case.at or {}),
            name_at_size=case.name_at(size),
        )
        for name, rival, number in running
    ]
    with silence_warnings():
        data = case.make(case.sizes[size])
        # without the clock: compile, and check the answers
        last, ours = [], None
        for (_, rival, allowed), one in zip(running, found, strict=True):
            seconds, answer = time_run(rival, data, allowed)
            last.append(seconds)
            ours = answer if ours is None else ours
            require_right(case, one.rival, data, ours, answer)
            if case.loss is not None and not rival.yardstick:
                one.loss = case.loss(data, answer)
        # with the clock
        for _ in range(ROUNDS):
            for i, ((_, rival, allowed), one) in enumerate(zip(running, found, strict=True)):
                if one.seconds and sum(one.seconds) >= enough:
                    continue
                answer = None  # free the last one before the clock starts
                last[i], answer = time_run(rival, data, allowed, max(1, int(BRIEF / last[i])))
                one.seconds.append(last[i])
    return found


def require_right(case: Case, rival: str, data: Any, ours: Any, answer: Any) -> None:
    """Raise AssertionError, with the names of case and rival, if an answer is not right."""
    if rival == OURS:
        return
    try:
        case.check(data, ours, answer)
    except AssertionError as error:
        raise AssertionError(f"{case.name}: {rival}: {error}") from error


def time_run(rival: Rival, data: Any, threads: int, runs: int = 1) -> tuple[float, Any]:
    """Run a rival; return the mean seconds of a run, and the answer."""
    with limit_threads(threads):
        begin = time.perf_counter()
        for _ in range(runs):
            answer = rival.run(data)
        return (time.perf_counter() - begin) / runs, answer


@contextmanager
def silence_warnings() -> Iterator[None]:
    """Silence warnings, such as those of runs that do not converge and of empty clusters."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
