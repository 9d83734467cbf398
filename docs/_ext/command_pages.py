"""The command reference, made from the commands themselves: the directive ``{commands}``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import typer
from sphinx.util.docutils import SphinxDirective

from fastkm.cli.commands import app as fastkm_app

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docutils import nodes
    from sphinx.application import Sphinx

EXAMPLE = re.compile(r"\[bold\]Example\[/bold\]: \[cyan\](.+?)\[/cyan\]")
STYLE = re.compile(r"\[/?(?:bold|cyan)\]")
OPTION = re.compile(r"(?<![\w`-])--?[a-z][\w-]*")


def list_commands() -> dict[str, Any]:
    """Return the commands by name."""
    return dict(typer.main.get_command(fastkm_app).commands)


def describe_command(name: str, command: Any) -> str:
    """Return the section of a command, in Markdown: what it does, examples, arguments, options."""
    text = command.help or ""
    arguments = [_name_value(one) for one in command.params if _is_argument(one)]
    lines = [f"## fastkm {name}", "", _make_prose(EXAMPLE.sub("", text)), ""]
    lines += ["```text", " ".join(["fastkm", name, *arguments, "[OPTIONS]"]), "```", ""]
    lines += ["For example:", "", "```bash", *EXAMPLE.findall(text), "```", ""]
    lines += ["| argument or option | what it does |", "| --- | --- |"]
    lines += [describe_parameter(parameter) for parameter in command.params]
    return "\n".join([*lines, ""])


def describe_parameter(parameter: Any) -> str:
    """Return the line of a table for an argument or an option."""
    cells = (_name_parameter(parameter), " ".join(_describe(parameter)))
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _is_argument(parameter: Any) -> bool:
    return parameter.param_type_name == "argument"


def _name_value(parameter: Any) -> str:
    return parameter.metavar or parameter.name.upper()


def _name_parameter(parameter: Any) -> str:
    value = f"`{_name_value(parameter)}`"
    if _is_argument(parameter):
        return value
    names = ", ".join(f"`{name}`" for name in parameter.opts)
    return names if parameter.is_flag else f"{names} {value}"


def _describe(parameter: Any) -> Iterator[str]:
    yield _make_prose(parameter.help or "")
    if parameter.required and not _is_argument(parameter):
        yield "Required."
    default = parameter.default
    shown = isinstance(default, str | int | float) and not isinstance(default, bool)
    if shown and default != "" and "default" not in (parameter.help or ""):
        yield (
            f"By default `{default:g}`."
            if isinstance(default, float)
            else f"By default `{default}`."
        )


def _make_prose(text: str) -> str:
    """Return a text of a command without its styles, and with options as code."""
    return OPTION.sub(r"`\g<0>`", STYLE.sub("", text)).strip()


class Commands(SphinxDirective):
    """Show every command of ``fastkm``."""

    def run(self) -> list[nodes.Node]:
        """Return the sections of all commands."""
        text = "\n".join(describe_command(*item) for item in list_commands().items())
        return self.parse_text_to_nodes(text, allow_section_headings=True)


def setup(app: Sphinx) -> dict[str, Any]:
    """Add the directive."""
    app.add_directive("commands", Commands)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
