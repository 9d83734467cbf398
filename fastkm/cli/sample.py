"""The command ``fastkm sample``: its options, and what it writes by default."""

from pathlib import Path
from typing import Annotated

import typer

from fastkm.cli import parse
from fastkm.cli.output import count_units, print_files, print_line
from fastkm.cli.start import collect_garbage

SAMPLE, ARCHIVE = Path("sample.nc"), Path("months")
"""The file and the folder that are written by default."""

HELP = (
    "Write sample data: a generated month of precipitable water over the oceans or, with "
    "--months, an archive of many months."
)


def sample(
    output: Annotated[
        Path | None,
        typer.Argument(
            metavar="[OUT]",
            help="The file to write, by default sample.nc, or the folder of an archive, by default "
            "months.",
        ),
    ] = None,
    months: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=1, help="Write an archive of this many months, one file for each."
        ),
    ] = None,
    resolution: Annotated[
        float | None,
        typer.Option(
            metavar="DEGREES", help="Size of the archive's cells, such as 0.25; by default 1.0."
        ),
    ] = None,
    single: Annotated[
        bool, typer.Option("--single", help="Write all months of an archive to one file.")
    ] = False,
) -> None:
    """Write the sample."""
    collect_garbage()
    if months is None:
        if single or resolution is not None:
            parse.refuse_option("--months", "needed by --single and --resolution")
        from fastkm.datasets.water_vapour import is_sample, write_sample

        if output is None and SAMPLE.exists() and not is_sample(SAMPLE):
            parse.refuse_option("OUT", f"{SAMPLE} is a file of your own; name another one")
        path = SAMPLE if output is None else output
        parse.parse_option("OUT", parse.as_netcdf, path)
        write_sample(path)
        print_files([path])
        return
    from fastkm.datasets.monthly_series import write_sample_archive
    from fastkm.workflows.outputs import check_folder

    output = ARCHIVE if output is None else output
    parse.parse_option("OUT", check_folder, output)
    layout = "single" if single else "monthly"
    degrees = 1.0 if resolution is None else resolution
    paths = write_sample_archive(output, months=months, resolution=degrees, layout=layout)
    print_line(f"wrote {count_units(len(paths), 'files')} to {output}")
