"""`HyperCube`: a hyperspectral image and everything its file said about it.

Only numpy and dask here: opening and inspecting a cube never loads torch or Qt.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import dask.array as da
import numpy as np
import numpy.typing as npt

from napari_hsi_restore.errors import UserError

CubeData = npt.NDArray[Any] | da.Array
FloatArray = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Georeference:
    """Where the pixels lie on the ground.

    Attributes
    ----------
    crs : str or None
        Coordinate reference system as ``"EPSG:n"`` or as well-known text.
    transform : tuple of 6 float
        Affine ``(a, b, c, d, e, f)`` with ``X = a*column + b*row + c`` and
        ``Y = d*column + e*row + f`` for the outer corner of a pixel, the order
        of `rasterio`.
    """

    crs: str | None
    transform: tuple[float, float, float, float, float, float]


@dataclasses.dataclass(frozen=True, eq=False)
class HyperCube:
    """A hyperspectral cube.

    Attributes
    ----------
    data : ndarray or dask array, (bands, y, x)
        Stored values, any real dtype, possibly memory-mapped or lazy.
    name : str
        Short name for lists and layers.
    wavelengths_nm : float64 ndarray, (bands,), or None
        Band centres in nanometres, in the order of the bands (which need not be
        ascending or even).
    fwhm_nm : float64 ndarray, (bands,), or None
        Full width at half maximum of the bands in nanometres.
    good_bands : bool ndarray, (bands,), or None
        False for bands that the file marks as bad; None if it says nothing.
    units : str or None
        Units of the physical value, such as ``"reflectance"``.
    gain, offset : float or float64 ndarray, (bands,)
        Physical value = `gain` * stored value + `offset`. `data` itself stays as
        stored.
    white_level : float or None
        Stored value that counts as white (the peak of PSNR); None if unknown.
    nodata : float or None
        Stored value that marks missing pixels. NaN is always missing.
    georeference : Georeference or None
    source : str or None
        Path (and ``::key``) that the cube was read from.
    history : tuple of str
        What was done to it, oldest first, one sentence or JSON object a step.
    metadata : mapping of str to str
        Further header fields that are kept as they are.

    Raises
    ------
    UserError
        If the shape is not (bands, y, x) or a per-band field has another length.
    """

    data: CubeData
    name: str = "cube"
    wavelengths_nm: FloatArray | None = None
    fwhm_nm: FloatArray | None = None
    good_bands: npt.NDArray[np.bool_] | None = None
    units: str | None = None
    gain: float | FloatArray = 1.0
    offset: float | FloatArray = 0.0
    white_level: float | None = None
    nodata: float | None = None
    georeference: Georeference | None = None
    source: str | None = None
    history: tuple[str, ...] = ()
    metadata: Mapping[str, str] = dataclasses.field(default_factory=lambda: MappingProxyType({}))

    def __post_init__(self) -> None:
        where = self.source or self.name
        if self.data.ndim != 3:
            raise UserError(
                f"{where}: a cube has three axes (bands, y, x), this has shape "
                f"{tuple(self.data.shape)}; say which axis holds the bands."
            )
        if 0 in self.data.shape:
            raise UserError(f"{where}: the cube is empty, its shape is {tuple(self.data.shape)}.")
        if np.dtype(self.data.dtype).kind not in "uifb":
            raise UserError(
                f"{where}: values of type {self.data.dtype} are not supported; convert them to "
                "real numbers first."
            )
        object.__setattr__(self, "metadata", MappingProxyType(dict(self.metadata)))
        for field, dtype in (
            ("wavelengths_nm", np.float64),
            ("fwhm_nm", np.float64),
            ("good_bands", np.bool_),
        ):
            value = getattr(self, field)
            if value is not None:
                object.__setattr__(self, field, self._per_band(field, value, dtype))
        for field in ("gain", "offset"):
            value = getattr(self, field)
            if np.ndim(value):
                object.__setattr__(self, field, self._per_band(field, value, np.float64))

    def _per_band(self, field: str, value: Any, dtype: Any) -> npt.NDArray[Any]:
        array = np.array(value, dtype=dtype)
        if array.shape != (self.n_bands,):
            raise UserError(
                f"{self.source or self.name}: {field} has {array.size} values for "
                f"{self.n_bands} bands; give one value for each band."
            )
        array.setflags(write=False)
        return array

    def __reduce__(self) -> tuple[Any, ...]:
        # A mapping proxy cannot be pickled; the plain mapping is wrapped again.
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return _rebuild, ({**fields, "metadata": dict(self.metadata)},)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(bands, y, x)."""
        bands, height, width = self.data.shape
        return int(bands), int(height), int(width)

    @property
    def n_bands(self) -> int:
        """Number of bands."""
        return int(self.data.shape[0])

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the stored values."""
        return np.dtype(self.data.dtype)

    @property
    def is_lazy(self) -> bool:
        """Whether the values still lie in a file (memory map or dask array)."""
        return isinstance(self.data, da.Array) or _is_memory_mapped(self.data)

    def replace(self, **changes: Any) -> HyperCube:
        """A copy with some fields changed (see `dataclasses.replace`)."""
        return dataclasses.replace(self, **changes)

    def array(self) -> npt.NDArray[Any]:
        """The stored values as one array in memory or in a memory map, (bands, y, x)."""
        # Indexed, a map notices that its file became shorter, which would end the process.
        return np.asarray(self.data[:])

    def spectrum(self, row: int, column: int) -> npt.NDArray[Any]:
        """The stored values of one pixel, (bands,); only this pixel is read."""
        return np.asarray(self.data[:, row, column])

    def valid(self, stored: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
        """Which of some stored values are measurements: finite and not no-data.

        Parameters
        ----------
        stored : ndarray, any shape
            Values of `data`.

        Returns
        -------
        bool ndarray of the same shape
        """
        valid: npt.NDArray[np.bool_] = np.ones(stored.shape, dtype=bool)
        if stored.dtype.kind == "f":
            valid = np.isfinite(stored)
        if self.nodata is not None and _can_hold(stored.dtype, self.nodata):
            valid &= stored != np.asarray(self.nodata).astype(stored.dtype)
        return valid

    def usable_bands(self) -> npt.NDArray[np.bool_]:
        """Bands that are not marked as bad, (bands,); all where all are marked."""
        good = self.good_bands
        return np.ones(self.n_bands, dtype=bool) if good is None or not good.any() else good

    def select_bands(self, indices: npt.ArrayLike) -> HyperCube:
        """The cube of some bands, in the order given, with their per-band fields."""
        chosen = np.atleast_1d(np.asarray(indices, dtype=np.intp))

        def pick(value: Any) -> Any:
            return value[chosen] if isinstance(value, np.ndarray) else value

        return self.replace(
            data=self.data[chosen],
            **{
                field: pick(getattr(self, field))
                for field in ("wavelengths_nm", "fwhm_nm", "good_bands", "gain", "offset")
            },
        )

    def crop(self, rows: slice, columns: slice) -> HyperCube:
        """The cube of a rectangle of pixels; the georeference moves with it.

        Parameters
        ----------
        rows, columns : slice
            With step 1, in pixels.
        """
        georeference = self.georeference
        if georeference is not None:
            a, b, c, d, e, f = georeference.transform
            row, _, _ = rows.indices(self.shape[1])
            column, _, _ = columns.indices(self.shape[2])
            moved = (a, b, c + a * column + b * row, d, e, f + d * column + e * row)
            georeference = Georeference(georeference.crs, moved)
        return self.replace(data=self.data[:, rows, columns], georeference=georeference)


def _rebuild(fields: dict[str, Any]) -> HyperCube:
    return HyperCube(**fields)


def _can_hold(dtype: np.dtype[Any], value: float) -> bool:
    """Whether an array of this type may have the value: uint16 holds no -9999."""
    if dtype.kind in "ui":
        limits = np.iinfo(dtype)
        return value == np.floor(value) and limits.min <= value <= limits.max
    return not np.isnan(value)


def _is_memory_mapped(array: npt.NDArray[Any]) -> bool:
    base: Any = array
    while isinstance(base, np.ndarray):
        # What is computed from a map keeps its class, but belongs to no file.
        if isinstance(base, np.memmap) and base.filename is not None:
            return True
        base = base.base
    return False
