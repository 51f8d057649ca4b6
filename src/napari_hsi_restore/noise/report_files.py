"""A report on the noise as a file: a table for a spreadsheet, or JSON that can be read again."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_hsi_restore.errors import UserError
from napari_hsi_restore.noise.report import NoiseReport

_SUFFIXES = (".csv", ".json")
_COLUMNS = ("band", "wavelength_nm", "sigma", "sigma_255", "snr_db", "shot_part", "found")


def report_table(report: NoiseReport, wavelengths_nm: npt.NDArray[np.float64] | None) -> str:
    """The report as comma-separated values, a row a band.

    Parameters
    ----------
    report : NoiseReport
    wavelengths_nm : float64 ndarray, (bands,), or None

    Returns
    -------
    str
        Columns are band (from 0), wavelength in nm, sigma in stored units and where white is
        255, signal to noise in dB, part of the variance that is shot noise, and what was
        found; empty where it is not known.
    """
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(_COLUMNS)
    for band in range(report.shape[0]):
        shot = report.shot_part[band] if report.shot_part else None
        place = None if wavelengths_nm is None else f"{wavelengths_nm[band]:g}"
        numbers = (report.sigma[band], report.sigma_255[band], report.snr_db[band], shot)
        table.writerow([band, place, *numbers, "; ".join(report.defects_of(band))])
    return text.getvalue()


def check_suffix(path: Path) -> None:
    """Refuse a name that is neither of a table nor of JSON.

    Raises
    ------
    UserError
    """
    if path.suffix.lower() not in _SUFFIXES:
        raise UserError(f"{path}: a report is saved as .csv or .json; choose such a name.")


def save_report(
    report: NoiseReport, path: Path, wavelengths_nm: npt.NDArray[np.float64] | None = None
) -> Path:
    """Write a report; the suffix of the path chooses ``.csv`` or ``.json``.

    Parameters
    ----------
    report : NoiseReport
    path : Path
        An existing file is replaced.
    wavelengths_nm : float64 ndarray, (bands,), optional
        For the table.

    Returns
    -------
    Path
        What was written.

    Raises
    ------
    UserError
        If the suffix is another one, or the file cannot be written.
    """
    check_suffix(path)
    if path.suffix.lower() == ".csv":
        text = report_table(report, wavelengths_nm)
    else:
        text = report.model_dump_json(indent=1) + "\n"
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror}).") from None
    return path
