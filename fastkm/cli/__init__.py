"""The command ``fastkm``: arguments, progress and messages; the work is in `fastkm.workflows`."""
