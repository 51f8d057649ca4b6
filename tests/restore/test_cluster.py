"""What pieces may take that are computed side by side."""

import threading
import time

import dask
import pytest

from napari_hsi_restore.cli import main
from napari_hsi_restore.degradations import degrade
from napari_hsi_restore.io import write
from napari_hsi_restore.restore import devices
from napari_hsi_restore.restore.cluster import share
from napari_hsi_restore.scene import demo_scene

GIB = 2**30


def _shared(limit_gib):
    with share(limit_gib, devices.choose("cpu")) as available:
        return available


@pytest.fixture(scope="module")
def workers():
    distributed = pytest.importorskip("distributed")
    # Threads of this process, whose whole memory must not make them pause.
    limits = ("target", "spill", "pause", "terminate", "max-spill")
    idle = {f"distributed.worker.memory.{name}": False for name in limits}
    with (
        dask.config.set(idle),
        distributed.LocalCluster(
            n_workers=1,
            threads_per_worker=4,
            processes=False,
            dashboard_address=None,
            memory_limit=GIB // 8,
        ) as made,
    ):
        yield made


def test_the_threads_of_a_worker_share_the_memory_limit(workers):
    distributed = pytest.importorskip("distributed")
    with distributed.Client(workers, set_as_default=False) as client:
        assert client.submit(_shared, 0.1).result() == pytest.approx(0.1 * GIB / 4)
        # Without a limit of the user that of the worker counts.
        assert client.submit(_shared, None).result() <= GIB / 8 / 2 / 4
    assert _shared(0.1) == pytest.approx(0.1 * GIB)


def test_without_a_cluster_one_piece_is_computed_after_the_other():
    at_once, most = 0, 0

    def compute():
        nonlocal at_once, most
        with share(0.1, devices.choose("cpu")):
            at_once += 1
            most = max(most, at_once)
            time.sleep(0.005)
            at_once -= 1

    threads = [threading.Thread(target=compute) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


def test_a_limit_that_the_threads_cannot_share_is_said_before_anything_is_done(
    workers, tmp_path, capsys
):
    noisy = write(degrade(demo_scene(size=24), "gaussian-30", seed=0), tmp_path / "noisy.hdr")
    out = tmp_path / "out.hdr"
    arguments = ["denoise", str(noisy), str(out), "--device", "cpu", "--model", "stas_c"]
    arguments += ["--scheduler", workers.scheduler_address, "--memory-limit", "0.001"]
    assert main(arguments) == 1
    said = capsys.readouterr().err
    assert "GiB, shared by 4 threads of a worker, is too small for noisy" in said
    assert "start workers with fewer threads" in said
    assert not out.exists()
