"""Masks from pictures and arrays: what is not 0 is hidden, and what does not fit is said."""

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_hsi_restore.errors import UserError
from napari_hsi_restore.io.mask import read_mask

SHAPE = (12, 20)


@pytest.fixture
def hidden():
    mask = np.zeros(SHAPE, bool)
    mask[3:6, 4:11] = True
    return mask


def picture(mode, hidden):
    grey = Image.fromarray(hidden.astype(np.uint8) * 255)
    if mode in ("RGBA", "LA"):
        # Opaque everywhere: opacity is no colour.
        return grey.convert(mode)
    if mode == "P":
        indexed = Image.fromarray(hidden.astype(np.uint8))
        indexed.putpalette([255, 255, 255, 0, 0, 0])
        return indexed
    return grey.convert(mode)


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGB", "RGBA", "I;16"])
def test_pictures_of_every_kind(tmp_path, hidden, mode):
    path = tmp_path / "mask.png"
    picture(mode, hidden).save(path)
    np.testing.assert_array_equal(read_mask(path, SHAPE), hidden)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int32, np.float64])
def test_arrays_and_stacks_of_one_plane(tmp_path, hidden, dtype):
    np.save(tmp_path / "mask.npy", hidden.astype(dtype) * 3)
    np.testing.assert_array_equal(read_mask(tmp_path / "mask.npy", SHAPE), hidden)
    values = hidden.astype(np.uint8 if dtype is bool else dtype)
    tifffile.imwrite(tmp_path / "mask.tif", values[None], photometric="minisblack")
    np.testing.assert_array_equal(read_mask(str(tmp_path / "mask.tif"), SHAPE), hidden)


def test_what_is_no_mask_of_the_image_is_a_sentence(tmp_path, hidden):
    np.save(tmp_path / "turned.npy", hidden.T)
    np.save(tmp_path / "words.npy", np.full(SHAPE, "no"))
    (tmp_path / "torn.tif").write_bytes(b"II*\x00rest")
    (tmp_path / "text.png").write_text("no picture")
    for name, words in {
        "turned.npy": "the mask has 20 x 12 pixels, the cube 12 x 20",
        "words.npy": "a mask holds numbers",
        "torn.tif": "damaged",
        "text.png": "no picture",
        "none.png": "no such file",
    }.items():
        with pytest.raises(UserError, match=words):
            read_mask(tmp_path / name, SHAPE)
