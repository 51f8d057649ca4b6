import numpy as np
import pytest

from napari_hsi_restore.restore.tiling import plan


@pytest.mark.parametrize(("side", "halo"), [(8, 0), (17, 5), (64, 42), (500, 3)])
def test_tiles_cover_a_region_once(side, halo):
    region = (slice(3, 60), slice(0, 41))
    seen = np.zeros((70, 50), dtype=int)
    for tile in plan(region, seen.shape, side, halo):
        seen[tile.rows, tile.columns] += 1
        assert tile.rows_count <= side
        assert tile.read_rows.start == max(0, tile.rows.start - halo)
        assert tile.read_columns.stop == min(50, tile.columns.stop + halo)
        assert np.zeros(seen.shape)[tile.read_rows, tile.read_columns][tile.inside].shape == (
            tile.rows_count,
            tile.columns_count,
        )
    assert (seen[region] == 1).all()
    assert seen.sum() == seen[region].size
