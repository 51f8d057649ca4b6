"""The same work on many parts at once."""

import threading

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from napari_hsi_restore.classical import side_by_side
from napari_hsi_restore.classical.collaborative import threshold, wiener
from napari_hsi_restore.classical.grouping import Search
from napari_hsi_restore.noise.portion import finish


@pytest.fixture
def four(monkeypatch):
    monkeypatch.setattr(side_by_side, "cores", lambda: 4)


def test_results_come_in_order_from_several_threads(four):
    together = threading.Barrier(4, timeout=60)

    def work(number):
        if number < 4:
            together.wait()
        return number * number

    assert list(side_by_side.in_order(work, range(50))) == [n * n for n in range(50)]


def test_an_error_reaches_the_caller(four):
    def work(number):
        if number == 7:
            raise ValueError("seven")
        return number

    with pytest.raises(ValueError, match="seven"):
        list(side_by_side.in_order(work, range(50)))


def test_who_stops_waits_for_nothing_that_has_not_begun(four):
    begun = []
    results = side_by_side.in_order(begun.append, range(1000))
    next(results)
    results.close()
    assert len(begun) < 20
    assert not any(thread.name.startswith("patches") for thread in threading.enumerate())


def test_products_get_their_threads_back(four):
    def threads():
        return [entry["num_threads"] for entry in threadpool_info() if entry["user_api"] == "blas"]

    before = threads()
    results = side_by_side.in_order(lambda number: threads(), range(50))
    assert set(next(results)) == {1}
    results.close()
    assert threads() == before


def test_the_number_of_threads_changes_nothing(monkeypatch):
    rng = np.random.default_rng(0)
    noisy = rng.standard_normal((3, 70, 90)).astype(np.float32)
    noisy += np.linspace(0, 9, 90, dtype=np.float32)
    search, limits = Search(6, 4, 12, 16), np.full(3, 2.7, np.float32)
    found = []
    for threads in (1, 3):
        monkeypatch.setattr(side_by_side, "cores", lambda threads=threads: threads)
        first = finish(threshold(noisy, noisy, search, limits))
        found.append((first, finish(wiener(noisy, first, search, fit_patches=True))))
    np.testing.assert_array_equal(found[0][0], found[1][0])
    np.testing.assert_array_equal(found[0][1], found[1][1])


def test_the_limit_of_other_libraries_holds_here_too(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert side_by_side.cores() == 1
    monkeypatch.setenv("OMP_NUM_THREADS", "many")
    assert side_by_side.cores() >= 1
