import os
import signal
import threading

import dask.array as da
import numpy as np
import pytest

from napari_hsi_restore.cli import main
from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.degradations import degrade
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.events import Done, Progress
from napari_hsi_restore.io import read, write
from napari_hsi_restore.io.blocks import watched
from napari_hsi_restore.restore import DenoiseRecipe, denoise, streaming
from napari_hsi_restore.restore.cluster import cluster
from napari_hsi_restore.restore.streaming import denoise_in_pieces
from napari_hsi_restore.scene import demo_scene

RECIPE = DenoiseRecipe(model="stas_c", device="cpu", tile=24)


@pytest.fixture(scope="module")
def noisy_file(tmp_path_factory):
    noisy = degrade(demo_scene(size=64), "gaussian-30", seed=0)
    data = np.asarray(noisy.data).copy()
    data[:, 30:33, 40:50] = -9.0
    return write(noisy.replace(data=data, nodata=-9.0), tmp_path_factory.mktemp("s") / "noisy.hdr")


@pytest.fixture(scope="module")
def whole(noisy_file):
    return denoise(read(noisy_file), RECIPE)


def prepared(cube: HyperCube, recipe: DenoiseRecipe = RECIPE, **options: bool) -> HyperCube:
    events = list(denoise_in_pieces(cube, recipe, **options))
    assert all(isinstance(event, Progress) for event in events[:-1])
    assert isinstance(events[-1], Done)
    return events[-1].result


@pytest.mark.parametrize("name", ["out.zarr", "out.hdr", "out.tif"])
def test_pieces_written_one_after_the_other_are_the_whole(noisy_file, whole, tmp_path, name):
    lazy = prepared(read(noisy_file))
    assert isinstance(lazy.data, da.Array)
    fractions: list[float] = []
    with watched(fractions.append):
        written = read(write(lazy, tmp_path / name))
    span = np.ptp(whole.array())
    assert np.abs(written.array() - whole.array()).max() < 1e-4 * span
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert written.nodata == -9.0
    np.testing.assert_array_equal(written.wavelengths_nm, whole.wavelengths_nm)
    assert '"model": "stas_c"' in written.history[-1]


def test_the_verb_takes_pieces_where_the_result_is_larger_than_the_limit(
    noisy_file, whole, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(streaming, "SIDE", 24)
    monkeypatch.setattr(streaming, "_FREE_SHARE", 1e-9)
    out = tmp_path / "out.zarr"
    assert main(["denoise", str(noisy_file), str(out)]) == 0
    said = capsys.readouterr().err
    assert "restoring and writing in pieces" in said
    assert "auto took stas_c: the cube is restored in pieces" in said
    np.testing.assert_allclose(read(out).array(), whole.array(), atol=1e-4 * np.ptp(whole.array()))
    # What needs the whole image says so by itself.
    assert main(["denoise", str(noisy_file), str(tmp_path / "o.hdr"), "--model", "ngmeet"]) == 0


def test_what_cannot_be_done_in_pieces_is_said(noisy_file, tmp_path, capsys):
    cube = read(noisy_file)
    with pytest.raises(UserError, match=r"'ngmeet' works on the whole image .* choose a network"):
        prepared(cube, RECIPE.model_copy(update={"model": "ngmeet"}))

    class Unsendable:
        shape, ndim, dtype = cube.shape, 3, cube.dtype

        def __init__(self):
            self.lock = threading.Lock()

        def __getitem__(self, item):
            return np.asarray(cube.data)[item]

    lazy = da.from_array(Unsendable(), chunks=(31, 16, 16), name=False)
    with pytest.raises(UserError, match="convert it to ENVI or Zarr first"):
        prepared(cube.replace(data=lazy), elsewhere=True)

    pytest.importorskip("distributed")
    out = tmp_path / "out.zarr"
    arguments = ["denoise", str(noisy_file), str(out), "--scheduler", "tcp://127.0.0.1:9"]
    assert main(arguments) == 1
    assert "no Dask scheduler answers at tcp://127.0.0.1:9" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_cluster_of_two_processes_one_of_which_is_killed(noisy_file, whole, tmp_path):
    distributed = pytest.importorskip("distributed")
    out = tmp_path / "out.zarr"
    workers = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    )
    with workers:
        processes = {info["pid"] for info in _pids(distributed, workers)}
        assert len(processes) == 2
        killed: list[int] = []

        def kill_one(fraction: float) -> None:
            if not killed:
                killed.append(min(processes))
                os.kill(killed[0], signal.SIGKILL)

        with cluster(workers.scheduler_address), watched(kill_one):
            lazy = prepared(read(noisy_file), elsewhere=True)
            write(lazy, out)
        assert killed
        # The same by the verb, with the workers that there are now.
        again = tmp_path / "again.hdr"
        address = workers.scheduler_address
        assert main(["denoise", str(noisy_file), str(again), "--scheduler", address]) == 0
    span = np.ptp(whole.array())
    for path in (out, again):
        assert np.abs(read(path).array() - whole.array()).max() < 1e-4 * span


def _pids(distributed, workers):
    with distributed.Client(workers, set_as_default=False) as client:
        found = client.run(os.getpid)
    return [{"address": address, "pid": pid} for address, pid in found.items()]
