from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import dask.array as da
import numpy as np
import psutil
import pytest

from napari_hsi_restore.cube import Georeference, HyperCube
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.events import Done, Failed, Progress
from napari_hsi_restore.jobs.client import JobClient
from napari_hsi_restore.jobs.requests import (
    DenoiseRequest,
    DevicesRequest,
    NoiseRequest,
    SuperresRequest,
)
from napari_hsi_restore.restore import outcome
from napari_hsi_restore.restore.recipe import DenoiseRecipe
from napari_hsi_restore.restore.superres_recipe import SuperresRecipe

PATIENCE_S = 300


@pytest.fixture(scope="module")
def client():
    """One client for all tests: whatever one of them did to its child, the next can go on."""
    client = JobClient()
    yield client
    client.close()


def noisy_cube(size=40, bands=31, sigma=0.1):
    row, column = np.mgrid[0:size, 0:size] / size
    band = np.linspace(0.5, 1.0, bands)[:, None, None]
    clean = 0.5 + 0.3 * np.sin(6 * band * row) * np.cos(5 * column)
    noise = np.random.default_rng(0).normal(0, sigma, clean.shape)
    cube = HyperCube(
        (clean + noise).astype(np.float32),
        "noisy",
        wavelengths_nm=np.linspace(400, 700, bands),
        units="reflectance",
        white_level=1.0,
        history=("made for a test",),
    )
    return cube, clean


def long_job():
    """A request that takes far longer than any test waits."""
    values = np.random.default_rng(0).normal(1, 0.1, (31, 700, 700)).astype(np.float32)
    return DenoiseRequest(HyperCube(values, white_level=1.0), DenoiseRecipe(device="cpu"))


def until(condition):
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def until_it_works(job):
    """Wait until the child computes: progress beyond the first measurements."""
    for event in job.events():
        assert isinstance(event, Progress)
        if event.fraction > 0.01:
            return


def test_noise_is_estimated_in_the_child(client):
    cube, _ = noisy_cube(sigma=0.1)
    *progress, done = client.submit(NoiseRequest(cube)).events()
    assert all(isinstance(event, Progress) for event in progress)
    assert isinstance(done, Done)
    np.testing.assert_allclose(done.result.sigma, 0.1, rtol=0.2)
    np.testing.assert_allclose(done.result.sigma_255, 255 * done.result.sigmas(), rtol=1e-5)
    assert any(0 < event.fraction < 1 for event in progress)
    assert done.result.shape == (31, 40, 40)


def test_values_that_were_edited_are_measured_anew(client):
    cube, _ = noisy_cube(sigma=0.1)
    *_, first = client.submit(NoiseRequest(cube)).events()
    *_, same = client.submit(NoiseRequest(cube)).events()
    np.testing.assert_array_equal(same.result.sigma, first.result.sigma)
    cube.data[...] *= 3
    *_, edited = client.submit(NoiseRequest(cube)).events()
    np.testing.assert_allclose(edited.result.sigmas(), 3 * first.result.sigmas(), rtol=1e-3)


def test_a_cube_is_denoised_in_the_child(client):
    cube, clean = noisy_cube()
    job = client.submit(DenoiseRequest(cube, DenoiseRecipe(device="cpu"), residual=True))
    events = list(job.events())
    assert any(isinstance(event, Progress) and event.eta_s is not None for event in events)
    result = events[-1].result.cube
    error = np.sqrt(np.mean((result.array() - clean) ** 2))
    assert error < 0.5 * np.sqrt(np.mean((cube.array() - clean) ** 2))
    assert result.units == "reflectance"
    assert result.history[0] == "made for a test"
    assert len(result.history) == 2
    np.testing.assert_array_equal(result.wavelengths_nm, cube.wavelengths_nm)
    residual = events[-1].result.residual
    np.testing.assert_allclose(residual.array(), cube.array() - result.array(), atol=1e-6)


def test_hidden_pixels_are_filled_in_the_child_and_what_was_removed_is_looked_at(client):
    cube, clean = noisy_cube()
    cloud = np.zeros((40, 40), dtype=bool)
    cloud[10:15, 20:26] = True
    covered = cube.replace(data=np.where(cloud, np.float32(7.0), cube.data))
    recipe = DenoiseRecipe(device="cpu")
    *_, done = client.submit(DenoiseRequest(covered, recipe, hidden=cloud)).events()
    result = done.result.cube.array()
    assert np.sqrt(np.mean((result - clean)[:, cloud] ** 2)) < 0.3
    removed = done.result.removed
    assert removed.over_space.shape == (21, 21)
    assert abs(removed.neighbours) < 0.2
    *_, part = client.submit(
        DenoiseRequest(covered, recipe, region=(4, 34, 5, 40), hidden=cloud)
    ).events()
    assert np.abs(part.result.cube.array() - result[:, 4:34, 5:40]).max() < 0.3


def test_the_result_outlives_the_client():
    client = JobClient()
    cube, _ = noisy_cube(size=24)
    *_, done = client.submit(DenoiseRequest(cube, DenoiseRecipe(device="cpu"))).events()
    client.close()
    assert np.isfinite(done.result.cube.array()).all()


def test_a_region_is_a_cut_out_of_the_whole(client):
    cube, _ = noisy_cube(size=48)
    recipe = DenoiseRecipe(device="cpu")
    *_, whole = client.submit(DenoiseRequest(cube, recipe)).events()
    *_, part = client.submit(DenoiseRequest(cube, recipe, region=(5, 37, 8, 30))).events()
    expected = whole.result.cube.array()[:, 5:37, 8:30]
    np.testing.assert_allclose(part.result.cube.array(), expected, atol=1e-4)


def test_a_cube_is_enlarged_in_the_child(client):
    place = Georeference("EPSG:32633", (10.0, 0.0, 500.0, 0.0, -10.0, 900.0))
    cube = noisy_cube(size=24, sigma=0.0)[0].replace(georeference=place)
    recipe = SuperresRecipe(scale=2, model="eigensr_x2", device="cpu")
    *progress, done = client.submit(SuperresRequest(cube, recipe)).events()
    assert any("tile 1 of 1" in event.message for event in progress)
    assert any(event.eta_s is not None for event in progress)
    result = done.result.cube
    assert done.result.residual is None
    assert result.shape == (31, 48, 48)
    assert result.georeference.transform == (5.0, 0.0, 500.0, 0.0, -5.0, 900.0)
    assert result.units == "reflectance"
    np.testing.assert_array_equal(result.wavelengths_nm, cube.wavelengths_nm)
    assert len(result.history) == 2
    assert any("Shrunk by 2 again" in sentence for sentence in outcome(result))


def test_a_region_is_enlarged_like_the_whole_and_the_model_checked_once(client):
    cube, _ = noisy_cube(size=40, sigma=0.0)
    recipe = SuperresRecipe(scale=2, fine="none", device="cpu")
    *progress, whole = client.submit(SuperresRequest(cube, recipe)).events()
    assert any("checking" in event.message for event in progress)
    request = SuperresRequest(cube, recipe, region=(5, 37, 8, 30))
    *progress, part = client.submit(request).events()
    assert not any("checking" in event.message for event in progress)
    expected = whole.result.cube.array()[:, 10:74, 16:60]
    np.testing.assert_allclose(part.result.cube.array(), expected, atol=1e-4)


def test_a_cancelled_enlargement_leaves_nothing(client):
    values = np.random.default_rng(0).normal(1, 0.1, (31, 500, 500)).astype(np.float32)
    recipe = SuperresRecipe(scale=2, model="eigensr_x2", device="cpu")
    job = client.submit(SuperresRequest(HyperCube(values), recipe))
    until_it_works(job)
    client.cancel(job)
    assert not any(isinstance(event, Done | Failed) for event in job.events())
    until(lambda: client.folder is None or not list(client.folder.iterdir()))


@pytest.mark.parametrize(
    ("recipe", "sentence"),
    [
        (SuperresRecipe(scale=4, model="eigensr_x2"), "not for super-resolution by 4"),
        (SuperresRecipe(scale=3), "no model enlarges 31 bands by 3"),
    ],
)
def test_what_cannot_be_enlarged_is_refused_before_anything_is_copied(recipe, sentence):
    with pytest.raises(UserError, match=sentence):
        SuperresRequest(noisy_cube()[0], recipe).check()


def test_a_result_too_large_for_memory_or_disk_is_refused_before_anything_is_copied(monkeypatch):
    huge = da.zeros((31, 200_000, 200_000), chunks=(31, 1000, 1000))
    recipe = SuperresRecipe(scale=2, model="bicubic")
    with pytest.raises(UserError, match="GiB of memory"):
        SuperresRequest(HyperCube(huge), recipe).check()
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: shutil._ntuple_diskusage(9, 9, 9))
    with pytest.raises(UserError, match="too full"):
        SuperresRequest(noisy_cube()[0], recipe).check()


def test_devices_have_free_memory(client):
    *_, done = client.submit(DevicesRequest()).events()
    assert "cpu" in [device.name for device in done.result]
    assert all(0 < device.free_bytes <= device.total_bytes for device in done.result)


def test_what_the_user_can_put_right_arrives_as_a_sentence(client):
    empty = HyperCube(np.full((5, 9, 9), np.nan), "blank")
    *_, failed = client.submit(NoiseRequest(empty)).events()
    assert isinstance(failed, Failed)
    assert failed.user_error
    assert "blank" in failed.message
    unknown = DenoiseRequest(noisy_cube()[0], DenoiseRecipe(model="no_such_model"))
    *_, failed = client.submit(unknown).events()
    assert failed.user_error
    assert "no_such_model" in failed.message


def test_one_child_serves_all_and_leaves_no_files(client):
    cube, _ = noisy_cube(size=24)
    list(client.submit(NoiseRequest(cube)).events())
    first = client.pid
    list(client.submit(NoiseRequest(cube)).events())
    assert client.pid == first
    until(lambda: not list(client.folder.iterdir()))
    folder = client.folder
    client.close()
    assert not folder.exists()
    assert not psutil.pid_exists(first)


def test_a_retired_client_ends_its_child_after_the_last_job_and_can_be_used_again(client):
    cube, _ = noisy_cube(size=24)
    job = client.submit(NoiseRequest(cube))
    until(lambda: client.pid is not None)
    pid, folder = client.pid, client.folder
    client.retire()
    *_, done = job.events()
    assert isinstance(done, Done)
    until(lambda: not psutil.pid_exists(pid) and not folder.exists())
    *_, done = client.submit(NoiseRequest(cube)).events()
    assert isinstance(done, Done)


def test_a_folder_for_temporary_files_that_cannot_be_written_is_a_sentence(client, monkeypatch):
    client.close()
    monkeypatch.setattr(tempfile, "tempdir", "/dev/null/nowhere")
    *_, failed = client.submit(NoiseRequest(noisy_cube(size=24)[0])).events()
    assert failed.user_error
    assert "TMPDIR" in failed.message
    monkeypatch.undo()
    *_, done = client.submit(NoiseRequest(noisy_cube(size=24)[0])).events()
    assert isinstance(done, Done)


def test_a_closed_client_can_be_used_again(client):
    cube, _ = noisy_cube(size=24)
    list(client.submit(NoiseRequest(cube)).events())
    client.close()
    *_, done = client.submit(NoiseRequest(cube)).events()
    assert isinstance(done, Done)


def test_a_cancelled_job_ends_without_a_result_and_the_next_one_runs(client):
    job = client.submit(long_job())
    until_it_works(job)
    client.cancel(job)
    assert not any(isinstance(event, Done | Failed) for event in job.events())
    assert job.cancelled
    *_, done = client.submit(NoiseRequest(noisy_cube()[0])).events()
    assert isinstance(done, Done)
    until(lambda: not list(client.folder.iterdir()))


def test_jobs_wait_for_each_other_and_can_be_cancelled_while_waiting(client):
    running = client.submit(long_job())
    second = client.submit(long_job())
    third = client.submit(NoiseRequest(noisy_cube()[0]))
    until(lambda: client.jobs_before(running) == 0)
    assert client.jobs_before(second) == 1
    assert client.jobs_before(third) == 2
    client.cancel(second)
    assert list(second.events()) == []
    client.cancel(running)
    *_, done = third.events()
    assert isinstance(done, Done)


def test_a_killed_child_is_a_sentence_and_a_new_one_is_started(client):
    job = client.submit(long_job())
    until_it_works(job)
    killed = client.pid
    os.kill(killed, signal.SIGKILL)
    *_, failed = job.events()
    assert failed == Failed(
        "The background process ended (killed by signal 9); out of memory? Lower the memory "
        "limit or the tile size and run again."
    )
    *_, done = client.submit(NoiseRequest(noisy_cube()[0])).events()
    assert isinstance(done, Done)
    assert client.pid != killed


def test_a_child_killed_while_idle_is_replaced(client):
    cube, _ = noisy_cube(size=24)
    list(client.submit(NoiseRequest(cube)).events())
    pid = client.pid
    os.kill(pid, signal.SIGKILL)
    until(lambda: client.pid is None)
    *_, done = client.submit(NoiseRequest(cube)).events()
    assert isinstance(done, Done)


def test_prints_of_others_do_not_disturb(client, tmp_path, monkeypatch):
    (tmp_path / "sitecustomize.py").write_text(
        "import atexit, os\nprint('hello from a start-up file', flush=True)\n"
        "os.write(1, b'and again\\n')\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    client.close()
    *_, done = client.submit(NoiseRequest(noisy_cube()[0])).events()
    assert isinstance(done, Done)


@pytest.mark.skipif(os.name != "posix", reason="priorities differ elsewhere")
def test_the_child_is_nicer_than_its_parent(client):
    list(client.submit(NoiseRequest(noisy_cube()[0])).events())
    own = os.getpriority(os.PRIO_PROCESS, 0)
    assert os.getpriority(os.PRIO_PROCESS, client.pid) == min(19, own + 5)


PARENT = """
import time
from tests.jobs.test_client import long_job, until_it_works
from napari_hsi_restore.jobs.client import JobClient
client = JobClient()
job = client.submit(long_job())
until_it_works(job)
print(client.pid, client.folder, flush=True)
time.sleep(600)
"""


def test_the_child_ends_and_cleans_up_when_its_parent_is_killed():
    root = os.path.dirname(os.path.dirname(os.path.dirname(__file__)))
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True, cwd=root
    ) as parent:
        pid, folder = parent.stdout.readline().split()
        assert psutil.pid_exists(int(pid))
        assert os.path.isdir(folder)
        parent.kill()
    until(lambda: not psutil.pid_exists(int(pid)) and not os.path.exists(folder))


def test_starting_the_client_loads_neither_torch_nor_qt():
    code = (
        "import sys, napari_hsi_restore.jobs.client, napari_hsi_restore.jobs.requests; "
        "print([name for name in ('torch', 'qtpy', 'napari') if name in sys.modules])"
    )
    answer = subprocess.check_output([sys.executable, "-c", code], text=True)
    assert answer.strip() == "[]"
