"""Seconds of everybody on one piece of work, in turn, so that a machine that slows down slows all.

Every rival does the work once at the tiny size, which compiles what is compiled, and then at the
size that is asked for, round after round. Its first round is not counted, unless it is the only one:
a rival that has used its allowance of seconds takes part in no further round. So quick ones are
measured seven times, and one that takes minutes once, and the tables say how often.
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
from bench.threads import ALL, limited

ROUNDS = 7
ALLOWANCE = {"tiny": 0.0, "small": 2.0, "full": 8.0}
"""Seconds of a rival on a case, after which it takes part in no further round."""


@dataclass
class Measured:
    """What was measured of a rival on a case.

    Attributes
    ----------
    case, rival : str
        What, and by whom.
    threads : int
        The threads that it was allowed.
    seconds : list of float
        Of each counted run.
    yardstick : bool
        Whether it is not the same work.
    loss : float, optional
        Of its answer, if the case has a loss.
    at : dict of str to int
        Where on the axes of a plot it lies.
    """

    case: str
    rival: str
    threads: int
    seconds: list[float] = field(default_factory=list)
    yardstick: bool = False
    loss: float | None = None
    at: dict[str, int] = field(default_factory=dict)

    @property
    def median(self) -> float:
        """The median of the counted runs, in seconds."""
        return statistics.median(self.seconds)


def runners(case: Case, threads: Collection[int] = (ALL,)) -> list[tuple[str, Rival, int]]:
    """List who runs with how many threads: fastkm also on one, where a rival has only one."""
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
) -> list[Measured]:
    """Time a case.

    Parameters
    ----------
    case : Case
        The work.
    size : {"tiny", "small", "full"}
        How much of it.
    threads : collection of int
        The threads that everybody is allowed, each number in turn; one that is serial has one.
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
    running = [one for one in runners(case, threads) if one[0] not in leave_out]
    found = [
        Measured(case.name, name, number, [], rival.yardstick, None, dict(case.at or {}))
        for name, rival, number in running
    ]
    with quiet():
        if size != "tiny":
            warm = case.make(case.sizes["tiny"])
            for _, rival, allowed in running:
                timed(rival, warm, allowed)
        data = case.make(case.sizes[size])
        ours = None
        for turn in range(ROUNDS + 1):
            for (_, rival, allowed), one in zip(running, found, strict=True):
                if turn and sum(one.seconds) >= enough:
                    continue
                answer = None  # free the last one before the clock starts
                seconds, answer = timed(rival, data, allowed)
                if turn == 1:
                    one.seconds.clear()
                one.seconds.append(seconds)
                if turn == 0:
                    ours = answer if ours is None else ours
                    require_right(case, one.rival, data, ours, answer)
                    one.loss = (
                        None if case.loss is None or rival.yardstick else case.loss(data, answer)
                    )
    return found


def require_right(case: Case, rival: str, data: Any, ours: Any, answer: Any) -> None:
    """Raise AssertionError, with names, if an answer is not right."""
    if rival == OURS:
        return
    try:
        case.check(data, ours, answer)
    except AssertionError as error:
        raise AssertionError(f"{case.name}: {rival}: {error}") from error


def timed(rival: Rival, data: Any, threads: int) -> tuple[float, Any]:
    """Run a rival once: seconds, and the answer."""
    with limited(threads):
        begin = time.perf_counter()
        answer = rival.run(data)
        return time.perf_counter() - begin, answer


@contextmanager
def quiet() -> Iterator[None]:
    """Say nothing of runs that end before they converge, or of clusters that a rival empties."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
