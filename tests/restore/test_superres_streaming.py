"""Enlarging in pieces, which the workers of a Dask cluster can compute."""

import json

import dask.array as da
import numpy as np
import pytest

from make.models import store_model
from napari_hsi_restore.cli import main
from napari_hsi_restore.cube import Georeference
from napari_hsi_restore.degradations import downscale
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.events import Done, Progress
from napari_hsi_restore.io import read, write
from napari_hsi_restore.models.spec import CoarSRSpec, EigenSRSpec
from napari_hsi_restore.restore import (
    DenoiseRecipe,
    SuperresRecipe,
    denoise,
    enlarge,
    outcome,
    superres,
    superres_check,
)
from napari_hsi_restore.restore.streaming import denoise_in_pieces
from napari_hsi_restore.restore.superres_streaming import superres_in_pieces
from napari_hsi_restore.scene import demo_scene
from napari_hsi_restore.zoo.records import FOLDER_VARIABLE


@pytest.fixture(scope="module", autouse=True)
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    store_model(folder, "random_coarsr_x2", CoarSRSpec(scale=2, width=4))
    for scale in (2, 4):
        spec = EigenSRSpec(scale=scale, width=8, blocks=2, components=4)
        store_model(folder, f"random_eigensr_x{scale}", spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(FOLDER_VARIABLE, str(folder))
        yield


@pytest.fixture(scope="module")
def low_file(tmp_path_factory):
    """A cube with a gap, a band without a spectrum and one that is marked as bad."""
    low = downscale(demo_scene(size=112, bands=9), 2)
    data = low.array().astype(np.float32)
    data[:, 20:24, 14:19] = -9.0
    data[3] = 0.25
    good = np.ones(9, bool)
    good[6] = False
    place = Georeference("EPSG:32633", (10.0, 0.0, 500.0, 0.0, -10.0, 900.0))
    cube = low.replace(data=data, nodata=-9.0, good_bands=good, georeference=place)
    return write(cube, tmp_path_factory.mktemp("low") / "low.hdr")


def recipe(model, scale=2, **changes):
    return SuperresRecipe(
        **{"scale": scale, "model": model, "device": "cpu", "fine": "none", **changes}
    )


def in_pieces(cube, settings):
    *before, done = superres_in_pieces(cube, settings)
    assert all(isinstance(event, Progress) for event in before)
    assert isinstance(done, Done)
    return done.result


@pytest.mark.parametrize(
    ("model", "scale"),
    [("random_eigensr_x2", 2), ("random_eigensr_x4", 4), ("random_coarsr_x2", 2), ("bicubic", 3)],
)
def test_pieces_are_the_whole(low_file, tmp_path, model, scale):
    cube = read(low_file)
    whole = enlarge(cube, recipe(model, scale))
    lazy = in_pieces(cube, recipe(model, scale, tile=28))
    assert isinstance(lazy.data, da.Array)
    assert lazy.data.numblocks[1:] == (2, 2)
    written = read(write(lazy, tmp_path / "out.zarr"))
    assert written.nodata == -9.0
    off = np.abs(written.array() - whole.array())
    assert off.max() < 1e-4 * np.ptp(whole.array())
    assert written.georeference == whole.georeference
    np.testing.assert_array_equal(written.wavelengths_nm, whole.wavelengths_nm)
    entry = json.loads(written.history[-1])
    assert (entry["model"], entry["fine"], entry["consistency"]) == (model, None, None)
    assert entry["bad_bands"] == {"done": "resampled", "bands": [6]}
    assert "in pieces, without correction" in " ".join(outcome(written))


def test_what_is_denoised_in_pieces_can_be_enlarged_in_pieces(low_file):
    cube = read(low_file).crop(slice(26, 50), slice(26, 50))
    settings = DenoiseRecipe(model="stas_c", device="cpu", tile=24, noise=5.0)
    *_, done = denoise_in_pieces(cube, settings)
    both = in_pieces(done.result, recipe("bicubic", tile=12)).array()
    whole = enlarge(denoise(cube, settings), recipe("bicubic")).array()
    np.testing.assert_allclose(both, whole, atol=1e-4 * np.ptp(whole))


def test_a_preview_shows_bands_that_are_only_resampled_as_the_result_does(low_file):
    cube = read(low_file)
    whole = enlarge(cube, recipe("random_eigensr_x2")).array()
    *_, done = superres(cube, recipe("random_eigensr_x2"), region=(slice(8, 40), slice(10, 30)))
    np.testing.assert_allclose(done.result.data[6], whole[6, 16:80, 20:60], atol=1e-4)


def test_what_needs_the_whole_image_is_refused_or_replaced(low_file, monkeypatch):
    cube = read(low_file)
    with pytest.raises(UserError, match="'fine': whether a correction is taken depends on the"):
        in_pieces(cube, recipe("random_eigensr_x2", fine="published"))
    with pytest.raises(UserError, match="'back-projection' works on the whole image at once"):
        in_pieces(cube, recipe("back-projection"))

    def worse(model, *_):
        return superres_check.Choice("back-projection", f"not {model}", None)

    monkeypatch.setattr(superres_check, "decide", worse)
    result = in_pieces(cube, recipe("auto"))
    assert json.loads(result.history[-1])["model"] == "bicubic"
    assert "bicubic in its place, for it needs the whole image" in outcome(result)[0]


def test_the_workers_of_a_cluster_enlarge_by_the_verb(low_file, tmp_path, capsys):
    distributed = pytest.importorskip("distributed")
    out = tmp_path / "out.hdr"
    command = ["superres", str(low_file), str(out), "--scale", "2", "--device", "cpu"]
    command += ["--model", "random_eigensr_x2"]
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None, memory_limit=0
    ) as workers:
        command += ["--scheduler", workers.scheduler_address]
        assert main(command) == 0
        assert "in pieces, without correction" in capsys.readouterr().err
        assert main([*command, "--overwrite", "--fine", "published"]) == 1
        assert "setting 'fine'" in capsys.readouterr().err
    whole = enlarge(read(low_file), recipe("random_eigensr_x2")).array()
    np.testing.assert_allclose(read(out).array(), whole, atol=1e-4 * np.ptp(whole))
