import numpy as np
import pytest

from napari_hsi_restore.io import read
from napari_hsi_restore.models.neighbours import band_sequence, partition


@pytest.mark.parametrize("bands", [5, 6, 7, 31, 224])
def test_the_published_table(bands):
    last = bands - 1
    table = partition(bands).tolist()
    assert table[0] == [0, 1, 2, 3, 4]
    assert table[1] == [1, 0, 2, 3, 4]
    assert table[last - 1] == [last - 1, last - 2, last, last - 4, last - 3]
    assert table[last] == [last, last - 1, last - 2, last - 3, last - 4]
    for target in range(2, bands - 2):
        assert table[target] == [target, target - 1, target + 1, target - 2, target + 2]


@pytest.mark.parametrize("bands", range(5, 40))
def test_from_five_bands_on_no_band_stands_twice(bands):
    for row in partition(bands):
        assert len(set(row.tolist())) == 5


def test_the_answer_for_fewer_bands():
    assert partition(1).tolist() == [[0, 0, 0, 0, 0]]
    assert partition(2).tolist() == [[0, 1, 1, 1, 1], [1, 0, 0, 0, 0]]
    assert partition(3).tolist() == [[0, 1, 2, 1, 2], [1, 0, 2, 0, 2], [2, 1, 0, 1, 0]]
    assert partition(4).tolist() == [
        [0, 1, 2, 3, 3],
        [1, 0, 2, 3, 3],
        [2, 1, 3, 0, 0],
        [3, 2, 1, 0, 0],
    ]


@pytest.mark.parametrize(
    "centres",
    [None, np.linspace(400, 700, 31), 400 + np.arange(31) ** 1.2, np.full(31, np.nan)],
    ids=["unknown", "even", "slowly growing steps", "not finite"],
)
def test_ordinary_bands_give_the_table(centres):
    found = band_sequence(31, centres)
    np.testing.assert_array_equal(found.planes, partition(31))
    assert found.starts.tolist() == [True] + [False] * 30


def test_descending_bands_are_turned_round():
    found = band_sequence(10, np.linspace(700, 400, 10))
    np.testing.assert_array_equal(found.order, np.arange(10)[::-1])
    np.testing.assert_array_equal(found.planes, 9 - partition(10))


def test_unordered_and_repeated_bands_are_sorted():
    centres = np.array([500.0, 420, 460, 400, 480, 440, 460, 520])
    found = band_sequence(8, centres)
    assert np.all(np.diff(centres[found.order]) >= 0)
    assert sorted(found.order.tolist()) == list(range(8))


def pieces_of(found):
    return np.cumsum(found.starts)


def never_across(found):
    piece_of_band = np.empty(len(found.order), dtype=int)
    piece_of_band[found.order] = pieces_of(found)
    return all(len(set(piece_of_band[row])) == 1 for row in found.planes)


def test_no_neighbour_across_removed_bands():
    centres = np.concatenate([np.arange(400, 900, 10.0), np.arange(1010, 1300, 10.0)])
    found = band_sequence(len(centres), centres)
    assert np.flatnonzero(found.starts).tolist() == [0, 50]
    assert never_across(found)


def test_one_missing_band_is_no_gap():
    centres = np.delete(np.arange(400, 900, 10.0), 20)
    assert band_sequence(49, centres).starts.sum() == 1


def test_two_spectrometers_that_overlap_are_kept_apart():
    centres = np.concatenate([np.arange(420, 1000, 6.5), np.arange(900, 1300, 10.0)])
    found = band_sequence(len(centres), centres)
    assert found.starts.sum() == 2
    assert never_across(found)


def test_a_piece_of_few_bands_has_its_own_answer():
    centres = np.array([400.0, 410, 420, 430, 440, 450, 900, 910])
    found = band_sequence(8, centres)
    assert found.planes[6:].tolist() == [[6, 7, 7, 7, 7], [7, 6, 6, 6, 6]]


def test_a_real_sensor(shared_data):
    cube = read(sorted((shared_data / "train" / "satellite").glob("*.tif"))[0])
    found = band_sequence(cube.n_bands, cube.wavelengths_nm)
    assert never_across(found)
    assert sorted(found.order.tolist()) == list(range(cube.n_bands))
    assert 2 <= found.starts.sum() <= 6


@pytest.mark.parametrize("call", [lambda: band_sequence(0), lambda: band_sequence(3, np.ones(2))])
def test_nonsense_is_refused(call):
    with pytest.raises(ValueError, match="band"):
        call()
