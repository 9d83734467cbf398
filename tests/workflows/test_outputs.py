"""Where results may be written: never over an input, never among the results of another run."""

import os
import shutil

import geopandas as gpd
import netCDF4
import pyogrio
import pytest
import shapely

from fastkm._core.atomic_write import write_text
from fastkm.workflows.cluster_file import cluster_file, label_file
from fastkm.workflows.job import Selection
from fastkm.workflows.outline_file import outline_file
from fastkm.workflows.outputs import find_results
from tests.small_files import names, write_basin
from tests.small_tiffs import write_tiff


@pytest.fixture
def sea(tmp_path, monkeypatch):
    """A raster and a folder to be in; the raster has the name that its label map would have."""
    monkeypatch.chdir(tmp_path)
    return write_basin(tmp_path / "labels_k3.nc")


@pytest.fixture(autouse=True)
def no_figures(monkeypatch):
    """Write something small in place of figures."""
    for name in (
        "cluster_file.draw_clusters",
        "cluster_file.draw_choice",
        "outline_file.draw_map",
    ):
        monkeypatch.setattr(
            f"fastkm.workflows.{name}",
            lambda writer, path, *_, **__: (write_text(path, "drawn"), writer.files.append(path)),
        )


def link_to(file, how):
    """Return another name of a file."""
    if how == "relative":
        return type(file)(os.path.relpath(file))
    other = file.with_name(f"other{file.suffix}")
    if how == "hard":
        os.link(file, other)
    elif how == "symbolic":
        other.symlink_to(file)
    return other if how in {"hard", "symbolic"} else file


INPUT = r"labels_k3.nc is an input and would be overwritten by .*: name another output"


@pytest.mark.parametrize("how", ["same", "relative", "hard", "symbolic"])
def test_an_input_is_no_output(sea, tmp_path, how):
    before = sea.read_bytes()
    output = link_to(sea, how)
    with pytest.raises(ValueError, match=INPUT):
        cluster_file(Selection(sea), [3], output)
    with pytest.raises(ValueError, match="is an input"):
        cluster_file(Selection(output), [3], sea)
    assert sea.read_bytes() == before
    with netCDF4.Dataset(output) as file:
        assert "water" in file.variables


def test_a_folder_in_which_results_would_replace_an_input_is_refused(sea, tmp_path):
    for folder in (tmp_path, type(tmp_path)()):
        for overwrite in (False, True):
            with pytest.raises(ValueError, match=INPUT):
                cluster_file(Selection(sea), [3], folder, overwrite=overwrite)


def test_a_mask_or_a_codebook_is_no_output(basin, tmp_path):
    mask = write_basin(tmp_path / "mask.nc")
    with pytest.raises(ValueError, match=r"mask.nc is an input"):
        cluster_file(Selection(basin, mask=mask), [3], mask)
    cluster_file(Selection(basin), [3], tmp_path / "out")
    book = tmp_path / "out/codebook_k3.json"
    with pytest.raises(ValueError, match=r"codebook_k3.json is an input"):
        label_file(Selection(basin), book, tmp_path / "out", overwrite=True)
    odd = book.rename(tmp_path / "book.nc")
    with pytest.raises(ValueError, match=r"book.nc is an input"):
        label_file(Selection(basin), odd, odd)


def test_a_file_that_would_go_with_an_older_result_is_no_input(tmp_path):
    photo = write_tiff(tmp_path / "photo.tif", [[1.0, 2, 3], [4, 5, 6]])
    mask = shutil.copyfile(photo, tmp_path / "labels.tif.msk")
    with pytest.raises(ValueError, match=r"labels.tif.msk is an input"):
        cluster_file(Selection(photo, mask=mask), [2], tmp_path / "labels.tif")


def test_outlines_and_maps_do_not_replace_an_input(basin, tmp_path):
    odd = shutil.copyfile(basin, tmp_path / "sea.gpkg")
    with pytest.raises(ValueError, match=r"sea.gpkg is an input"):
        outline_file(Selection(odd), [3], "all", odd)
    image = shutil.copyfile(basin, tmp_path / "map_k3.png")
    with pytest.raises(ValueError, match=r"map_k3.png is an input"):
        outline_file(
            Selection(basin, mask=image), [2, 3], "all", tmp_path / "a.shp",
            map_path=tmp_path / "map.png",
        )  # fmt: skip
    assert names(tmp_path) == {"sea.gpkg", "map_k3.png"}


# results of an earlier run

OTHERS = ["notes.txt", "labels_k2.txt", "my_labels_k2.nc", "labels_k.nc", "clusters.txt"]


def test_a_folder_with_results_is_refused(basin, tmp_path):
    cluster_file(Selection(basin), [2], tmp_path)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    with pytest.raises(ValueError, match=r"holds results of an earlier run, .* --overwrite"):
        cluster_file(Selection(basin), [3], tmp_path)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_the_same_run_again_replaces_its_results(basin, tmp_path):
    for _ in range(2):
        cluster_file(Selection(basin), [2, 3], tmp_path)
    book = shutil.copyfile(tmp_path / "codebook_k2.json", tmp_path / "book.json")
    for changed in (
        lambda: cluster_file(Selection(basin), [2], tmp_path),
        lambda: cluster_file(Selection(basin), [2, 3, 4], tmp_path),
        lambda: cluster_file(Selection(basin), [2, 3], tmp_path, weights="area"),
        lambda: cluster_file(Selection(basin, bbox=(90, -50, 270, 50)), [2, 3], tmp_path),
        lambda: label_file(Selection(basin), book, tmp_path),
    ):
        with pytest.raises(ValueError, match=r"holds results of an earlier run"):
            changed()
    cluster_file(Selection(basin), [2, 3, 4], tmp_path, choose="elbow", overwrite=True)
    with pytest.raises(ValueError, match=r"holds results of an earlier run"):
        cluster_file(Selection(basin), [2, 3, 4], tmp_path)


def test_the_same_run_of_a_photo_again_replaces_its_results(tmp_path):
    photo = write_tiff(tmp_path / "photo.tif", [[[1.0, 2], [4, 5]], [[9.0, 2], [4, 5]]])
    for _ in range(2):
        cluster_file(Selection(photo), [2], tmp_path / "out")
    with pytest.raises(ValueError, match=r"holds results of an earlier run"):
        cluster_file(Selection(photo, bands=[1]), [2], tmp_path / "out")


def test_overwriting_replaces_all_of_an_earlier_run_and_nothing_else(basin, tmp_path):
    for name in OTHERS:
        (tmp_path / name).write_text("mine")
    cluster_file(Selection(basin), [2, 3, 4], tmp_path, choose="elbow")
    (tmp_path / "labels_k2.nc.aux.xml").write_text("<old/>")
    codebook = shutil.copyfile(tmp_path / "codebook_k3.json", tmp_path / "book.json")
    assert len(find_results(tmp_path)) == 10
    done = cluster_file(Selection(basin, bbox=(90, -50, 270, 50)), [5], tmp_path, overwrite=True)
    own = {"labels_k5.nc", "codebook_k5.json", "clusters.csv", "clusters.png"}
    assert names(tmp_path) == own | {*OTHERS, "book.json"}
    assert {file.name for file in done.files} == own
    label_file(Selection(basin), codebook, tmp_path, overwrite=True)
    assert names(tmp_path) == {
        "labels_k3.nc", "clusters.csv", "clusters.png", "book.json", *OTHERS
    }  # fmt: skip
    assert all((tmp_path / name).read_text() == "mine" for name in OTHERS)


def test_a_run_that_fails_leaves_the_earlier_results(basin, tmp_path, monkeypatch):
    cluster_file(Selection(basin), [2], tmp_path)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}

    def fail(*_, **__):
        raise OSError("cannot draw")

    monkeypatch.setattr("fastkm.workflows.cluster_file.draw_clusters", fail)
    with pytest.raises(OSError, match="cannot draw"):
        cluster_file(Selection(basin), [3], tmp_path, overwrite=True)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_maps_of_other_k_are_not_left_among_new_ones(basin, tmp_path):
    def draw(ks, **options):
        path = tmp_path / "a.gpkg"
        outline_file(Selection(basin), ks, "all", path, map_path=tmp_path / "map.png", **options)
        return names(tmp_path)

    (tmp_path / "map_kept.png").write_text("mine")
    draw([2, 3])
    both = {"a.gpkg", "map_k2.png", "map_k3.png", "map_kept.png"}
    assert draw([2, 3]) == both
    with pytest.raises(ValueError, match=r"results of an earlier run, such as map_k2.png"):
        draw([3, 4])
    assert draw([3, 4], overwrite=True) == {"a.gpkg", "map_k3.png", "map_k4.png", "map_kept.png"}
    assert draw([2]) == {"a.gpkg", "map_k3.png", "map_k4.png", "map_kept.png", "map.png"}


# folders


@pytest.mark.parametrize("name", ["out.pdf", "out.png", "out.gpkg", "out.v2"])
def test_a_name_with_an_unknown_extension_is_no_folder(basin, tmp_path, name):
    with pytest.raises(ValueError, match=r"must be a .nc, .tif, .tiff or .zarr file, or a folder"):
        cluster_file(Selection(basin), [2], tmp_path / name)
    assert not list(tmp_path.iterdir())
    (tmp_path / name).mkdir()
    cluster_file(Selection(basin), [2], tmp_path / name)
    assert (tmp_path / name / "labels_k2.nc").exists()


def test_a_folder_may_have_dots(basin, tmp_path):
    for name in (".out", "2009.10"):
        cluster_file(Selection(basin), [2], tmp_path / name)
        assert (tmp_path / name / "labels_k2.nc").exists()


def test_a_file_is_no_folder(basin, tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(NotADirectoryError, match="out is a file"):
        cluster_file(Selection(basin), [2], tmp_path / "out")


def test_further_layers_of_a_geopackage_are_kept(basin, tmp_path):
    square = gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 1, 1)], crs="EPSG:4326")
    path = tmp_path / "mine.gpkg"
    square.to_file(path, layer="roads")
    with pytest.raises(ValueError, match=r"further layers, .* lost: roads\. Name another file"):
        outline_file(Selection(basin), [3], "highest", path)
    assert pyogrio.list_layers(path)[:, 0].tolist() == ["roads"]
    outline_file(Selection(basin), [3], "highest", path, overwrite=True)
    outline_file(Selection(basin), [3], "highest", path)  # the only layer is its own
    assert pyogrio.list_layers(path)[:, 0].tolist() == ["mine"]
