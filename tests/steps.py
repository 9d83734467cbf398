"""A progress that remembers what it was told, for the tests."""

from fastkm._core.progress import Progress


class Steps(Progress):
    """Collects the stages that begin, and of each what was done, one after another."""

    def __init__(self) -> None:
        self.stages, self.totals, self.done = [], [], []

    def begin(self, stage, total=1, unit="") -> None:
        self.stages.append(stage)
        self.totals.append(total)
        self.done.append([])

    def advance(self, number=1) -> None:
        self.done[-1].append(number)
