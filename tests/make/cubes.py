"""Small cubes in memory."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_hsi_restore.cube import Georeference, HyperCube


def numbered(shape: tuple[int, int, int], dtype: Any = np.uint16) -> np.ndarray:
    """Values that tell where they came from: each is different as long as the type allows."""
    return np.arange(np.prod(shape)).reshape(shape).astype(dtype)


def full_cube(dtype: Any = np.float32, shape: tuple[int, int, int] = (5, 4, 3)) -> HyperCube:
    """A cube with every field set to something that is easily lost."""
    bands = shape[0]
    return HyperCube(
        data=numbered(shape, dtype),
        name="full",
        wavelengths_nm=400.1 + 10.3 * np.arange(bands) ** 1.1,
        fwhm_nm=np.linspace(3.3, 7.7, bands),
        good_bands=np.arange(bands) != 1,
        units="µW cm-2 nm-1 {per sr}",
        gain=np.linspace(0.1, 0.3, bands),
        offset=np.linspace(-1.0, 1.0, bands),
        white_level=1023.5,
        nodata=2.0,
        georeference=Georeference("EPSG:32633", (30.0, 0.0, 367935.0, 0.0, -30.0, 5808045.0)),
        history=('{"step": "denoise", "sigma": [1, 2]}', "Took axis 2, because; it = {3}."),
        metadata={
            "sensor type": "Fenix",
            "description": "two lines,\nwith = and, commas",
            "Mixed Case": "{braces} and ; marks",
            "empty": "",
            "band names": ", ".join(f"band {i}" for i in range(bands)),
        },
    )


def assert_same_fields(left: HyperCube, right: HyperCube) -> None:
    """Every field but name and source is equal, to the last bit."""
    for field in ("wavelengths_nm", "fwhm_nm", "good_bands"):
        a, b = getattr(left, field), getattr(right, field)
        assert (a is None) == (b is None), field
        if a is not None:
            np.testing.assert_array_equal(a, b, err_msg=field)
    for field in ("gain", "offset"):
        np.testing.assert_array_equal(
            np.broadcast_to(getattr(left, field), left.n_bands),
            np.broadcast_to(getattr(right, field), right.n_bands),
            err_msg=field,
        )
    for field in ("units", "white_level", "georeference", "history"):
        assert getattr(left, field) == getattr(right, field), field
    assert dict(left.metadata) == dict(right.metadata)
    np.testing.assert_equal(left.nodata, right.nodata)
