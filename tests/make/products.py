"""Products of satellites and aeroplanes, built as their makers lay them out, but small."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import tifffile

from make.cubes import numbered

VNIR_NM = np.array([0.0, 960.0, 930.0, 700.0, 410.0])
SWIR_NM = np.array([2490.0, 1500.0, 945.0, 925.0, 0.0])


def prisma(path: Path, level: str = "2D", rows: int = 6, columns: int = 7) -> Path:
    """A PRISMA product: cubes (rows, bands, columns), bands descending, unused ones at 0 nm."""
    with h5py.File(path, "w") as file:
        for name in ("PRS_L1_HRC", "PRS_L1_HCO") if level == "1" else (f"PRS_L{level}_HCO",):
            fields = file.create_group(f"HDFEOS/SWATHS/{name}/Data Fields")
            for detector, start in (("VNIR", 0), ("SWIR", 1000)):
                values = numbered((rows, 5, columns), np.uint16) + start
                fields.create_dataset(f"{detector}_Cube", data=values, chunks=(4, 2, 3))
                fields[f"{detector}_PIXEL_SAT_ERR_MATRIX"] = np.zeros_like(values, np.uint8)
        pan = file.create_group(f"HDFEOS/SWATHS/PRS_L{level}_PCO/Data Fields")
        pan["Cube"] = np.zeros((2 * rows, 2 * columns), np.uint16)
        file["HDFEOS INFORMATION/StructMetadata.0"] = np.bytes_(b"GROUP=SwathStructure")
        attributes = file.attrs
        attributes["List_Cw_Vnir"], attributes["List_Cw_Swir"] = VNIR_NM, SWIR_NM
        attributes["List_Fwhm_Vnir"] = np.where(VNIR_NM > 0, 11.0, 0.0)
        attributes["List_Fwhm_Swir"] = np.where(SWIR_NM > 0, 9.0, 0.0)
        attributes["Product_StartTime"] = np.bytes_(b"2020-02-09T10:24:59.123")
        if level == "1":
            attributes["ScaleFactor_Vnir"], attributes["Offset_Vnir"] = np.float32(100), 0.0
            attributes["ScaleFactor_Swir"], attributes["Offset_Swir"] = np.float32(200), 0.0
        else:
            attributes["L2ScaleVnirMin"], attributes["L2ScaleVnirMax"] = 0.0, 1.0
            attributes["L2ScaleSwirMin"], attributes["L2ScaleSwirMax"] = -0.5, 0.5
        if level == "2D":
            attributes["Epsg_Code"] = np.int64(32633)
            # The centres of the corner pixels.
            attributes["Product_ULcorner_easting"] = 500_015.0
            attributes["Product_ULcorner_northing"] = 5_000_985.0
            attributes["Product_LRcorner_easting"] = 500_015.0 + 30 * (columns - 1)
            attributes["Product_LRcorner_northing"] = 5_000_985.0 - 30 * (rows - 1)
    return path


def _variable(group: h5py.Group, name: str, data: np.ndarray, *scales: str) -> h5py.Dataset:
    dataset = group.create_dataset(name, data=data)
    for axis, scale in enumerate(scales):
        dataset.dims[axis].attach_scale(group.file[scale])
    return dataset


def _dimension(file: h5py.File, name: str, size: int) -> None:
    scale = file.create_dataset(name, (size,), ">f4")
    scale.make_scale(f"This is a netCDF dimension but not a netCDF variable.{size:10d}")


def emit(path: Path, what: str = "reflectance") -> np.ndarray:
    """An EMIT L2A or L1B product; gives its values (bands, y, x)."""
    bands, rows, columns = 8, 6, 7
    values = numbered((bands, rows, columns), np.float32) / 1000
    with h5py.File(path, "w") as file:
        for name, size in (("downtrack", rows), ("crosstrack", columns), ("bands", bands)):
            _dimension(file, name, size)
        scales = ("downtrack", "crosstrack", "bands")
        cube = _variable(file, what, values.transpose(1, 2, 0), *scales)
        cube.attrs["_FillValue"] = np.array([-9999], np.float32)
        cube.attrs["units"] = "unitless" if what == "reflectance" else "uW/cm^2/SR/nm"
        parameters = file.create_group("sensor_band_parameters")
        _variable(parameters, "wavelengths", np.linspace(381, 2493, bands), "bands")
        parameters["wavelengths"].attrs["units"] = "nm"
        _variable(parameters, "fwhm", np.full(bands, 8.5), "bands").attrs["units"] = "nm"
        good = (np.arange(bands) != 4).astype(np.uint8)
        _variable(parameters, "good_wavelengths", good, "bands")
        location = file.create_group("location")
        for name in ("glt_x", "glt_y"):
            location[name] = np.zeros((9, 10), np.int32)
        for name in ("lat", "lon"):
            location[name] = np.zeros((rows, columns))
        file.attrs["geotransform"] = np.array([13.0, 5e-4, 0.0, 52.0, 0.0, -5e-4])
        file.attrs["spatial_ref"] = "GEOGCS[...]"
    return values


def netcdf(path: Path, *, order: str = "wyx", mapping: bool = True) -> np.ndarray:
    """A plain CF file: a dimension with coordinates for each axis; gives (bands, y, x)."""
    sizes = {"w": 6, "y": 6, "x": 6}
    values = numbered((6, 6, 6), np.int16)
    names = {"w": "wavelength", "y": "y", "x": "x"}
    coordinates = {
        "w": np.linspace(0.45, 0.95, 6),
        "y": 5_000_985.0 - 30 * np.arange(6),
        "x": 500_015.0 + 30 * np.arange(6),
    }
    with h5py.File(path, "w") as file:
        for letter in sizes:
            file[names[letter]] = coordinates[letter]
            file[names[letter]].make_scale(names[letter])
        file["wavelength"].attrs["units"] = "um"
        stored = values.transpose([list("wyx").index(letter) for letter in order])
        cube = _variable(file, "rfl", stored, *(names[letter] for letter in order))
        cube.attrs["scale_factor"], cube.attrs["add_offset"] = np.float64(0.01), np.float64(-0.1)
        cube.attrs["_FillValue"] = np.array([-1], np.int16)
        cube.attrs["units"] = "1"
        if mapping:
            cube.attrs["grid_mapping"] = "crs"
            file["crs"] = np.int32(0)
            wkt = 'PROJCS["WGS 84 / UTM zone 33N",AUTHORITY["EPSG","32633"]]'
            file["crs"].attrs["crs_wkt"] = wkt
    return values


def enmap(folder: Path, level: str = "L2A", bands: int = 6) -> np.ndarray:
    """An EnMAP product: image and METADATA.XML; gives the values (bands, y, x).

    Level 1B has an image for each spectrometer, whose bands take turns in the metadata.
    """
    stem = f"ENMAP01-____{level}-DT0000001867_20220724T104526Z_008_V010302_20230628T165614Z-"
    values = numbered((bands, 8, 9), np.int16)
    vnir, swir = [0, 1, 2, 4], [3, 5]
    parts = {"": list(range(bands))} if level != "L1B" else {"_VNIR": vnir, "_SWIR": swir}
    for name, chosen in parts.items():
        tifffile.imwrite(
            folder / f"{stem}SPECTRAL_IMAGE{name}.TIF",
            values[chosen],
            photometric="minisblack",
            planarconfig="separate",
        )
        tifffile.imwrite(folder / f"{stem}QL_{name}.TIF", np.zeros((8, 9, 3), np.uint8))
    rows = "".join(
        f'<bandID number="{band + 1}"><wavelengthCenterOfBand>{420 + 10.5 * band}'
        f"</wavelengthCenterOfBand><FWHMOfBand>{6 + band / 10}</FWHMOfBand><GainOfBand>"
        f"{1e-4 if level == 'L2A' else (band + 1) * 1e-5}</GainOfBand><OffsetOfBand>"
        f"{0 if level == 'L2A' else -band * 1e-3}</OffsetOfBand></bandID>"
        for band in range(bands)
    )
    lists = "".join(
        f"<{name}ProductQuality><expectedChannelsList>{','.join(str(i + 1) for i in which)}"
        f"</expectedChannelsList></{name}ProductQuality>"
        for name, which in (("vnir", vnir), ("swir", swir))
    )
    (folder / f"{stem}METADATA.XML").write_text(
        '<?xml version="1.0" encoding="UTF-8"?><level_X><specific>'
        f"<backgroundValue>-32768</backgroundValue>{lists}"
        f"<bandCharacterisation>{rows}</bandCharacterisation></specific></level_X>"
    )
    return values


def desis(folder: Path, level: str = "L1C", bands: int = 6) -> np.ndarray:
    """A DESIS product; gives the values (bands, y, x)."""
    stem = f"DESIS-HSI-{level}-DT0884573241_001-20200601T090520-V0210-"
    values = numbered((bands, 8, 9), np.int16)
    tifffile.imwrite(
        folder / f"{stem}SPECTRAL_IMAGE.tif",
        values.transpose(1, 2, 0),
        photometric="minisblack",
        planarconfig="contig",
        compression="deflate",
    )
    rows = "".join(
        f"<band><bandNumber>{band + 1}</bandNumber><wavelengthCenterOfBand>{401.2 + 2.5 * band}"
        f"</wavelengthCenterOfBand><wavelengthWidthOfBand>3.5</wavelengthWidthOfBand>"
        f"<gainOfBand>{0.01 + band / 1000}</gainOfBand><offsetOfBand>0</offsetOfBand></band>"
        for band in range(bands)
    )
    (folder / f"{stem}METADATA.xml").write_text(
        '<?xml version="1.0"?><hsi_doc xmlns="http://desis"><specific><bandCharacterisation>'
        f"{rows}</bandCharacterisation></specific></hsi_doc>"
    )
    return values


def erdas_lan(path: Path, values: np.ndarray, *, word: bytes = b"HEAD74", order: str = "<") -> Path:
    """An ERDAS 7.x image of values (bands, y, x), 8 or 16 bit."""
    bands, rows, columns = values.shape
    header = np.zeros(128, np.uint8)
    header[:6] = np.frombuffer(word, np.uint8)
    packing = 0 if values.itemsize == 1 else 2
    header[6:10] = np.array([packing, bands], f"{order}i2").view(np.uint8)
    kind = "i4" if word == b"HEAD74" else "f4"
    header[16:24] = np.array([columns, rows], f"{order}{kind}").view(np.uint8)
    stored = values.transpose(1, 0, 2).astype(values.dtype.newbyteorder(order))
    path.write_bytes(header.tobytes() + stored.tobytes())
    return path
