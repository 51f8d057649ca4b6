"""TIFF and GeoTIFF through `tifffile`: stacks of pages, and planar or chunky samples."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import numpy.typing as npt

from napari_hsi_restore.cube import CubeData, FloatArray, Georeference, HyperCube
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.io import axes, lazy, record
from napari_hsi_restore.io.blocks import blocks
from napari_hsi_restore.io.container import Entry
from napari_hsi_restore.io.formats import geotiff, ome
from napari_hsi_restore.io.formats.tiff_segments import lazy_pages
from napari_hsi_restore.io.mapped import open_mapped
from napari_hsi_restore.io.request import Guess, Request, is_real_number
from napari_hsi_restore.io.staging import reserve

_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
# Keys of a description in JSON, in nanometres.
_WAVELENGTHS = ("wavelength_nm", "wavelengths_nm", "wavelengths")
# More is decoded piece by piece, when it is asked for.
_EAGER_BYTES = 32 * 2**20
# Fewer bands than this is a photograph, and napari opens those itself.
_FEWEST_BANDS = 5
_BIG_TIFF_BYTES = 2**32 - 2**25


def sniff(path: Path, head: bytes) -> bool:
    """The four bytes every TIFF begins with."""
    del path
    return head.startswith(_MAGIC)


def claims(path: Path) -> bool:
    """Whether it holds wavelengths or at least five bands that are no time or depth series."""
    import tifffile

    with tifffile.TiffFile(path) as file:
        series = _series(file)
        shape, names = _squeezed(series)
        if record.parse(file.pages.first.description) or "wavelength" in _texts(file):
            return len(shape) in (2, 3)
        if len(shape) != 3 or set(names) & set("TZ"):
            return False
        return int(shape[_band_axis(names)]) >= _FEWEST_BANDS


def read(request: Request) -> HyperCube:
    """Open a TIFF: a memory map if uncompressed, in memory if small, else by strips or tiles.

    Raises
    ------
    UserError
        If it is damaged, no cube, or compressed in an unknown way.
    """
    import tifffile

    request.refuse("key", because="the first series of a TIFF is taken")
    try:
        with _Complaints() as complaints, tifffile.TiffFile(request.path) as file:
            series = _series(file)
            complaints.raise_any()
            if not is_real_number(series.dtype):
                request.fail(f"values of type {series.dtype} are not supported; save real numbers.")
            data, notes = _oriented(_load(request.path, file, series), series, request)
            if len(file.series) > 1 and not isinstance(series, _Pile):
                notes = (f"Took the first of {len(file.series)} images in the TIFF.", *notes)
            complaints.raise_any()
            first = file.pages.first
            tags = {tag.code: tag.value for tag in first.tags}
            description = first.description
    except (UserError, OSError):
        raise
    except Exception as error:  # tifffile raises a dozen kinds for a damaged file
        raise _damaged(request.path, error) from error
    return _cube(request, data, tags, description, notes)


def entries(path: Path) -> list[Entry]:
    """The array of the first series, without a name.

    Raises
    ------
    UserError
        If the file is damaged.
    """
    import tifffile

    try:
        with tifffile.TiffFile(path) as file:
            series = _series(file)
            return [Entry("", _squeezed(series)[0], series.dtype.name, lambda: None)]
    except Exception as error:  # tifffile raises a dozen kinds for a damaged file
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> UserError:
    return UserError(
        f"{path}: this TIFF is cut short, damaged or packed in an unknown way ({error}); copy or "
        "save it again."
    )


class _Complaints(logging.Handler):
    """Errors that tifffile only logs, such as a chain of pages that ends in nothing."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self._said: list[str] = []
        self._logger = logging.getLogger("tifffile")

    def emit(self, record: logging.LogRecord) -> None:
        self._said.append(record.getMessage())

    def __enter__(self) -> _Complaints:
        self._logger.addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        self._logger.removeHandler(self)

    def raise_any(self) -> None:
        """Stop if a page is missing.

        Raises
        ------
        ValueError
            With tifffile's own words.
        """
        serious = [text for text in self._said if "offset" in text or "reshape" in text]
        if serious:
            raise ValueError(serious[0])


class _Pile:
    """Single pictures of one size, each written as an image of its own, as one series."""

    axes = "IYX"
    dataoffset = None

    def __init__(self, parts: list[Any]) -> None:
        self.pages = [part.pages[0] for part in parts]
        self.shape = (len(parts), *self.pages[0].shape)
        self.dtype = parts[0].dtype
        self.nbytes = sum(part.nbytes for part in parts)
        self.indices = [page.index for page in self.pages]

    def asarray(self, **_: Any) -> npt.NDArray[Any]:
        return np.stack([page.asarray() for page in self.pages])


def _series(file: Any) -> Any:
    """The first series, or all pictures as one where there are several of one size."""
    parts = list(file.series)
    alike = len(parts) > 1 and all(
        part.axes == "YX" and part.shape == parts[0].shape and part.dtype == parts[0].dtype
        for part in parts
    )
    return _Pile(parts) if alike else parts[0]


def _cube(
    request: Request, data: CubeData, tags: dict[int, Any], text: str, notes: tuple[str, ...]
) -> HyperCube:
    name, source = request.path.stem, request.source
    written = record.parse(text)
    if written is not None:
        return record.to_cube(data, written, name=name, source=source)
    bands = geotiff.band_fields(str(tags.get(geotiff.GDAL_METADATA, "")), len(data))
    said = _json(text)
    centres, more = _described(said, len(data))
    if centres is None and bands.wavelengths_nm is None:
        centres, more = ome.wavelengths(text, len(data))
    used = {"shape", "axes", "white_level", *_WAVELENGTHS}
    kept = {key: str(value) for key, value in said.items() if key not in used}
    if text and not said:
        kept["description"] = text
    white = said.get("white_level")
    place = _with_crs_name(request.path, geotiff.georeference(tags))
    return HyperCube(
        data=data,
        name=name,
        wavelengths_nm=bands.wavelengths_nm if centres is None else centres,
        fwhm_nm=bands.fwhm_nm,
        good_bands=bands.good_bands,
        units=bands.units,
        gain=bands.gain,
        offset=bands.offset,
        white_level=float(white) if isinstance(white, int | float) else None,
        nodata=geotiff.nodata(tags),
        georeference=place,
        source=source,
        history=tuple(map(Guess, (*notes, *bands.notes, *more))),
        metadata={**kept, **bands.metadata},
    )


def _described(said: dict[str, Any], bands: int) -> tuple[FloatArray | None, tuple[str, ...]]:
    """Wavelengths in nanometres of a description in JSON, and a note where they do not fit."""
    listed = next((said[key] for key in _WAVELENGTHS if key in said), None)
    if listed is None:
        return None, ()
    try:
        centres = np.array(listed, dtype=np.float64)
    except (TypeError, ValueError):
        centres = np.empty(0)
    if centres.shape != (bands,):
        return None, (f"Left out the wavelengths of the description, not {bands} numbers.",)
    return centres, ()


def _with_crs_name(path: Path, place: Georeference | None) -> Georeference | None:
    """The well-known text by rasterio, where there is no EPSG number."""
    if place is None or place.crs is not None:
        return place
    try:
        import rasterio
    except ImportError:
        return place
    try:
        with rasterio.open(path) as file:
            crs = file.crs
    except rasterio.errors.RasterioError:
        return place
    return Georeference(crs.to_wkt() if crs else None, place.transform)


def _texts(file: Any) -> str:
    metadata = file.pages.first.tags.get(geotiff.GDAL_METADATA)
    return f"{file.pages.first.description[:100000]} {metadata.value if metadata else ''}".lower()


def _json(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _squeezed(series: Any) -> tuple[tuple[int, ...], str]:
    """Shape and axis names without axes of length 1 other than y and x."""
    pairs = [
        (int(n), name)
        for n, name in zip(series.shape, series.axes, strict=True)
        if n != 1 or name in "YX"
    ]
    return tuple(n for n, _ in pairs), "".join(name for _, name in pairs)


def _band_axis(names: str) -> int:
    return next((i for i, name in enumerate(names) if name not in "YX"), 0)


def _oriented(data: CubeData, series: Any, request: Request) -> tuple[CubeData, tuple[str, ...]]:
    shape, names = _squeezed(series)
    data = data.reshape(shape)
    told = request.bands_axis is not None or request.shape is not None
    if len(shape) > 3 or told or (request.n_wavelengths is not None and not set(names) & set("CS")):
        return axes.to_cube(data, request, convention=None, pixel_order="row-major")
    if len(shape) == 2:
        return data[None], (f"Took the single picture {shape} as one band.",)
    axis = _band_axis(names)
    kind = names[axis]
    notes: tuple[str, ...] = ()
    if kind in "TZ":
        what = "points in time" if kind == "T" else "depths"
        notes = (f"Took the {shape[axis]} {what} of the TIFF as bands.",)
    elif kind not in "CS":
        if axes.clearly_short(shape) not in (None, axis) or _bands_last(shape):
            request.ask(
                "bands_axis",
                f"which axis of {shape} holds the bands is not clear, the pages or the last one; "
                "say it with bands_axis (--bands-axis) 0, 1 or 2.",
            )
        notes = (f"Took the {shape[axis]} pages of the TIFF as bands.",)
    return axes.bands_first(data, axis), notes


def _bands_last(shape: tuple[int, ...]) -> bool:
    """Whether the pages look like rows: as many as a page has lines, of another width."""
    return len(shape) == 3 and shape[0] == shape[1] != shape[2]


def _load(path: Path, file: Any, series: Any) -> CubeData:
    """The values in the stored axis order."""
    mapped = _memory_map(path, file, series)
    if mapped is not None:
        return mapped
    segments = None
    if series.nbytes > _EAGER_BYTES:
        segments = lazy_pages(path, series)
    if segments is not None:
        return segments
    if series.nbytes <= _EAGER_BYTES or len(series.pages) < 2:
        values: npt.NDArray[Any] = series.asarray(maxworkers=2)
        return values
    page = series.pages[0]
    pages = [
        lazy.from_pieces(_Page(path, i, page.shape, page.dtype), page.shape, path)
        for i in getattr(series, "indices", range(len(series.pages)))
    ]
    stacked: CubeData = da.stack(pages).reshape(series.shape)  # type: ignore[no-untyped-call]
    return stacked


class _Page:
    """One page of a large compressed TIFF, decoded when asked for."""

    def __init__(self, path: Path, index: int, shape: tuple[int, ...], dtype: Any) -> None:
        self.path = path
        self.index = index
        self.shape = shape
        self.ndim = len(shape)
        self.dtype = np.dtype(dtype)

    def __getitem__(self, item: Any) -> npt.NDArray[Any]:
        import tifffile

        piece: npt.NDArray[Any] = tifffile.imread(self.path, key=self.index)[item]
        return piece


def _memory_map(path: Path, file: Any, series: Any) -> npt.NDArray[Any] | None:
    """A read-only map of values that lie uncompressed in one piece, else None."""
    dtype = np.dtype(series.dtype).newbyteorder(file.byteorder)
    start = series.dataoffset
    if start is None:
        start = _contiguous_start(series, dtype)
    if start is None:
        return None
    if start + series.nbytes > path.stat().st_size:
        raise ValueError("the values go beyond the end of the file")
    return open_mapped(path, dtype, start, tuple(series.shape))


def _contiguous_start(series: Any, dtype: np.dtype[Any]) -> int | None:
    """First byte of the values if strips and pages follow each other without a gap.

    tifffile only tells so for aligned values in one page.
    """
    position: int | None = None
    first: int | None = None
    for page in series.pages:
        if (
            page is None
            or page.compression != 1
            or page.predictor != 1
            or page.is_tiled
            or page.fillorder != 1
            or page.bitspersample != dtype.itemsize * 8
        ):
            return None
        for offset, count in zip(page.dataoffsets, page.databytecounts, strict=True):
            if position is not None and offset != position:
                return None
            first = offset if first is None else first
            position = offset + count
    if first is None or position is None or position - first != series.nbytes:
        return None
    return int(first)


def _is_picture(cube: HyperCube, dtype: np.dtype[Any]) -> bool:
    """Whether other programs should show the three bands as red, green and blue."""
    return cube.n_bands == 3 and dtype == np.uint8 and cube.wavelengths_nm is None


def write(cube: HyperCube, target: Path) -> None:
    """Write a planar uncompressed (Geo)TIFF, BigTIFF beyond 4 GiB.

    The description holds the whole record; place, no-data, wavelengths, bad bands
    and scales are also written as tags that GDAL reads. Three bands of bytes without wavelengths
    are a colour picture.
    """
    import tifffile

    dtype = np.dtype(np.uint8) if cube.dtype == np.bool_ else cube.dtype.newbyteorder("=")
    nbytes = int(np.prod(cube.shape, dtype=np.int64)) * dtype.itemsize
    options: dict[str, Any] = {"planarconfig": "separate"} if cube.n_bands > 1 else {}
    shape = cube.shape if cube.n_bands > 1 else cube.shape[1:]
    tifffile.imwrite(
        target,
        shape=shape,
        dtype=dtype,
        photometric="rgb" if _is_picture(cube, dtype) else "minisblack",
        description=record.to_json(cube),
        metadata=None,
        bigtiff=nbytes > _BIG_TIFF_BYTES,
        software="napari-hsi-restore",
        extratags=geotiff.extra_tags(cube),
        **options,
    )
    with tifffile.TiffFile(target) as file:
        start = file.pages.first.dataoffsets[0]
    reserve(target, start + nbytes)
    mapped = np.memmap(target, dtype, "r+", start, cube.shape)
    for place, values in blocks(cube.data):
        mapped[place] = values
    mapped.flush()
