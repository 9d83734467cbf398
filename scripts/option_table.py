"""Write the options of ``fastkm archive`` into the README, between its two markers.

Run it after the options have changed; a test compares the README with them.
"""

from pathlib import Path

import typer

from fastkm.cli.commands import app

README = Path(__file__).parents[1] / "README.md"
BEGIN, END = "<!-- options of fastkm archive -->", "<!-- end of options -->"


def make_table() -> str:
    """Return the options as a table in Markdown."""
    command = typer.main.get_command(app).commands["archive"]
    context = typer.Context(command)
    lines = ["| option | what it does |", "| --- | --- |"]
    for parameter in command.params:
        record = parameter.get_help_record(context)
        if record is None:
            names, text = parameter.make_metavar(context), parameter.help
        else:
            names, text = record
        default = parameter.default
        if isinstance(default, str | int) and not isinstance(default, bool):
            text = f"{text.split('  ')[0]} By default `{default}`."
        cell = names.split(" <")[0].replace("|", "\\|")  # without the type
        lines.append(f"| `{cell}` | {text.split('  ')[0]} |")
    return "\n".join(lines)


def insert_table(readme: str) -> str:
    """Return the README with the table in its place."""
    before, rest = readme.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{make_table()}\n{END}{after}"


if __name__ == "__main__":
    README.write_text(insert_table(README.read_text()))
