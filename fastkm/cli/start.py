"""How the command starts soon: no passes of the garbage collector over modules, no pydantic.

An option that takes one value is refused if it is given again: typer would take the last.

``fastkm info`` of a small file takes a tenth longer than to load xarray and netCDF4. The garbage
collector would go through all that has been loaded again and again, 0.05 s each time at the end.
And typer converts arguments by pydantic, 0.1 s to load, although most of them are texts, paths, or
left out.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from typer import BadParameter
from typer.core import TyperCommand, TyperGroup

from fastkm.cli.output import make_visible


def hold_garbage() -> None:
    """Let garbage wait for `collect_garbage`."""
    gc.disable()


def collect_garbage() -> None:
    """Begin to collect what becomes garbage; what there is if it has waited, modules, is none."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


def load_reader() -> None:
    """Load what nearly all files are read with; collect garbage from then on."""
    import netCDF4  # noqa: F401
    import xarray  # noqa: F401

    collect_garbage()


class _Quick:
    """Takes texts, paths and defaults as they are, without pydantic; each single option once.

    The help names no types of Python: options have words such as NAME, flags and arguments nothing.
    """

    def get_params(self, context: Any) -> list[Any]:
        """Return the parameters."""
        params: list[Any] = super().get_params(context)  # type: ignore[misc]
        for param in params:
            if isinstance(param.process_value, partial):
                continue
            param.process_value = partial(_take, param, param.process_value)
            is_option, is_flag = param.param_type_name == "option", getattr(param, "is_flag", False)
            if is_flag or not is_option:
                param.display_type_rich = _show_nothing
            elif not param.multiple:
                param.process_value = partial(_take_once, param, param.process_value)
                param.add_to_parser = partial(_collect, param)
        return params


class QuickCommand(_Quick, TyperCommand):
    """A command that starts without pydantic."""


class QuickGroup(_Quick, TyperGroup):
    """Commands that start without pydantic."""


def _show_nothing(ctx: Any) -> None:
    """Show nothing as the type of a parameter."""


def _collect(param: Any, parser: Any, context: Any) -> None:  # noqa: ARG001
    """Let a parser collect all values of an option that takes one."""
    parser.add_option(
        obj=param, opts=param.opts, dest=param.name, action="append", nargs=param.nargs
    )


def _take_once(param: Any, process: Callable[[Any, Any], Any], context: Any, value: Any) -> Any:
    """Return the value of an option that takes one; refuse several."""
    if isinstance(value, list):
        if len(value) > 1:
            name = max(param.opts, key=len).lstrip("-")
            given = make_visible(", ".join(value))
            raise BadParameter(
                f"{context.info_name} takes one {name}, got {given}", ctx=context, param=param
            )
        value = value[0]
    return process(context, value)


def _take(param: Any, process: Callable[[Any, Any], Any], context: Any, value: Any) -> Any:
    """Return the value of an argument; `process` converts it unless it is a text, a path or left out."""
    kind = getattr(getattr(param, "type_descriptor", None), "annotation", None)
    if value is None and not param.required:  # such as --help, too
        return () if param.multiple else None
    if kind in (Path, Path | None) and isinstance(value, str) and _may_be_read(value):
        return Path(value)
    if kind is str and isinstance(value, str):
        return value
    if kind == list[str] and value and isinstance(value, list | tuple):
        return list(value)
    if type(value) is kind and value == param.default:
        return value
    return process(context, value)


def _may_be_read(path: str) -> bool:
    """Return True if a path can be read, or does not exist, about which the command has its own say."""
    return os.access(path, os.R_OK) or not Path(path).exists()
