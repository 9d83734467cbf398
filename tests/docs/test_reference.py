"""Every public name and every option of the command stands in the reference."""

from __future__ import annotations

import importlib
import inspect
import re
import sys
import types

import pytest

import fastkm
from tests.docs.pages import DOCS, find_pages, needs_checkout

pytest.importorskip("sphinx")
pytestmark = needs_checkout

sys.path.insert(0, str(DOCS / "_ext"))

ROLE = re.compile(r"\{(?:func|class|meth|attr|mod|exc|data|obj|py:\w+)\}`[~!]?([\w.]+)(?:\(\))?`")


@pytest.fixture(scope="module")
def api_pages():
    return importlib.import_module("api_pages")


@pytest.fixture(scope="module")
def command_pages():
    return importlib.import_module("command_pages")


def test_public_names_of_fastkm_stand_in_a_group(api_pages) -> None:
    groups = api_pages.group_names("fastkm")
    named = [name for group in groups.values() for name in group]
    assert sorted(named) == sorted(
        {*dir(fastkm)} & {*fastkm.__all__, *fastkm._EXTRA} - {"__version__"}
    )
    assert api_pages.OTHERS not in groups, "new names: put them into api_pages.GROUPS"
    assert {name for group in api_pages.GROUPS.values() for name in group} == {*named}


def test_public_names_of_other_modules_are_all_listed(api_pages) -> None:
    for module in ("fastkm.cluster.vq", "fastkm.plot", "fastkm.datasets"):
        assert {*api_pages.list_names(module)} == {*importlib.import_module(module).__all__}
    assert api_pages.list_names("fastkm.errors") == ["ArchiveError", "ClusterError"]
    assert api_pages.list_names("fastkm.xarray") == ["DataArrayAccessor", "DatasetAccessor"]


def test_every_page_names_what_it_documents(api_pages, tmp_path) -> None:
    (tmp_path / "generated").mkdir()
    (tmp_path / "generated" / "fastkm.gone.rst").touch()
    api_pages.write_pages(folder=tmp_path)
    for module in api_pages.MODULES:
        text = (tmp_path / f"{module}.rst").read_text()
        for name in api_pages.list_own_names(module):
            assert f"\n   {name}\n" in text
    assert not [*tmp_path.glob("generated/*")]
    index = (DOCS / "reference" / "index.md").read_text()
    assert {*re.findall(r"^api/(\S+)$", index, re.MULTILINE)} == {*api_pages.MODULES}


def test_every_parameter_is_described_here_or_in_the_function_that_is_named(api_pages) -> None:
    docscrape = pytest.importorskip("numpydoc.docscrape")
    for module in api_pages.MODULES:
        for name in api_pages.list_names(module):
            function = getattr(importlib.import_module(module), name)
            if not isinstance(function, types.FunctionType):
                continue
            told = docscrape.FunctionDoc(function)["Parameters"]
            names = {word.strip("* ") for one in told for word in one.name.split(",")}
            if not told and (elsewhere := re.search(r"are those of `(\w+)`", function.__doc__)):
                assert elsewhere[1] in api_pages.list_names(module)
            else:
                assert names >= {*inspect.signature(function).parameters}, f"{module}.{name}"


def test_constants_are_described_where_they_are_defined(api_pages) -> None:
    import fastkm.plot

    [line, *_] = api_pages.find_description("fastkm.plot", "RASTER_CMAP", fastkm.plot.RASTER_CMAP)
    assert line.startswith("The colour map of continuous rasters")


def test_every_command_and_option_is_described(command_pages) -> None:
    commands = command_pages.list_commands()
    assert {*commands} >= {"info", "cluster", "outline", "archive", "sample"}
    for name, command in commands.items():
        text = command_pages.describe_command(name, command)
        assert text.startswith(f"## fastkm {name}\n")
        assert re.search(rf"\n```bash\n(fastkm .*\n)*fastkm {name}\b", text), "it needs an example"
        assert "[bold]" not in text
        for parameter in command.params:
            assert f"| `{(*parameter.opts,)[0]}`" in text or f"| `{parameter.metavar}` |" in text
            assert parameter.help


def test_names_that_pages_refer_to_exist() -> None:
    for page in find_pages():
        for target in ROLE.findall(page.read_text(encoding="utf-8")):
            assert exists(target), f"{page}: {target}"


def exists(target: str) -> bool:
    """Return True if a dotted name leads to a module, or to something in one."""
    first, *rest = target.split(".")
    value = importlib.import_module(first)
    for n, name in enumerate(rest, 2):
        if isinstance(value, types.ModuleType) and not hasattr(value, name):
            try:
                importlib.import_module(".".join(target.split(".")[:n]))
            except ImportError:
                return False
        fields = getattr(value, "__dataclass_fields__", {})
        if not hasattr(value, name) and name not in fields:
            return False
        value = getattr(value, name, None)
    return True


def test_a_name_that_is_not_there_is_found() -> None:
    assert exists("fastkm.kmeans1d")
    assert exists("fastkm.KMeans1D.predict")
    assert exists("fastkm.KMeans1D.centroids")
    assert not exists("fastkm.kmeans3d")
    assert not exists("fastkm.KMeans1D.forget")
