"""The command ``fastkm``: arguments, progress and messages; the work is in `fastkm.workflows`."""

from typing import TYPE_CHECKING

from fastkm._core.renamed import make_getattr

if not TYPE_CHECKING:  # otherwise type checkers would take any name for one of these
    __getattr__ = make_getattr(__name__)
