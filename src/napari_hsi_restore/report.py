"""A comparison as one HTML page that needs no other file: a table, and curves as SVG."""

from __future__ import annotations

import html
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from napari_hsi_restore.answers import score_cell
from napari_hsi_restore.cube import FloatArray
from napari_hsi_restore.errors import UserError

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP, _RIGHT = 760, 300, 60, 40, 16, 16
# Okabe and Ito's colours, which colour-blind readers can tell apart.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 50rem; margin: 2rem auto; color: #222 }
table { border-collapse: collapse } th, td { padding: .3rem .8rem; border-bottom: 1px solid #ccc }
td + td, th + th { text-align: right } svg { width: 100%; height: auto }
text { font: 12px system-ui, sans-serif; fill: #444 }
"""
_COLUMNS = (
    ("psnr", "PSNR / dB", 2),
    ("mpsnr", "MPSNR / dB", 2),
    ("ssim", "SSIM", 4),
    ("sam_deg", "SAM / degrees", 3),
    ("ergas", "ERGAS", 3),
)


def write_report(
    path: Path,
    reference: str,
    rows: Sequence[Mapping[str, Any]],
    wavelengths_nm: FloatArray | None,
) -> None:
    """Write the page, whole or not at all.

    Parameters
    ----------
    path : Path
        An existing file is replaced.
    reference : str
        Name of the reference, for the reader.
    rows : sequence of mapping
        Objects of `answers.scores_json`.
    wavelengths_nm : float64 ndarray, (bands,), or None
        Places of the bands on the horizontal axis; their numbers if None.

    Raises
    ------
    UserError
        If the file cannot be written.
    """
    page = _page(reference, rows, wavelengths_nm)
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.absolute().parent)
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror}); choose another.") from None
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(page)
        # A temporary file is private; a report is as readable as other new files.
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(name, 0o666 & ~mask)
        os.replace(name, path)
    except OSError as error:
        Path(name).unlink(missing_ok=True)
        raise UserError(f"{path}: cannot be written ({error.strerror}); free some space.") from None
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _page(
    reference: str, rows: Sequence[Mapping[str, Any]], wavelengths_nm: FloatArray | None
) -> str:
    head = "".join(f"<th>{html.escape(title)}</th>" for _, title, _ in _COLUMNS)
    body = "".join(
        f"<tr><td>{html.escape(row['result'])}</td>"
        + "".join(f"<td>{score_cell(row[key], digits)}</td>" for key, _, digits in _COLUMNS)
        + "</tr>"
        for row in rows
    )
    curves = "".join(
        f"<h2>{title}</h2>{_chart(rows, key, title, wavelengths_nm)}"
        for key, title in (("psnr", "PSNR of each band / dB"), ("ssim", "SSIM of each band"))
    )
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        f"<title>Comparison with {html.escape(reference)}</title><style>{_STYLE}</style></head>"
        f"<body><h1>Comparison with {html.escape(reference)}</h1>"
        f"<table><thead><tr><th>result</th>{head}</tr></thead><tbody>{body}</tbody></table>"
        "<p>PSNR is of the whole cube with the peak at the reference's white level (its maximum "
        "unless the cube states one); MPSNR and SSIM are means over bands; SAM is the mean over "
        "pixels; results are not clipped, no-data does not count.</p>"
        f"{curves}</body></html>\n"
    )


def _chart(
    rows: Sequence[Mapping[str, Any]], key: str, title: str, wavelengths_nm: FloatArray | None
) -> str:
    """One curve for each result; a band without a value leaves a gap."""
    bands = len(rows[0]["per_band"][key])
    places = list(range(1, bands + 1)) if wavelengths_nm is None else list(wavelengths_nm)
    values = [v for row in rows for v in row["per_band"][key] if v is not None]
    if not values:
        return "<p>No band has a value.</p>"
    low, high = min(values), max(values)
    margin = 0.05 * (high - low) or 0.5
    low, high = low - margin, high + margin
    left, right = float(min(places)), float(max(places))
    span = right - left or 1.0

    def point(place: float, value: float) -> tuple[float, float]:
        x = _LEFT + (place - left) / span * (_WIDTH - _LEFT - _RIGHT)
        y = _HEIGHT - _BOTTOM - (value - low) / (high - low) * (_HEIGHT - _BOTTOM - _TOP)
        return round(x, 1), round(y, 1)

    parts = [f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{html.escape(title)}">']
    for step in range(5):
        value = low + step * (high - low) / 4
        _, y = point(left, value)
        parts.append(
            f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y}" y2="{y}" stroke="#ddd"/>'
            f'<text x="{_LEFT - 6}" y="{y + 4}" text-anchor="end">{value:.4g}</text>'
        )
        place = left + step * span / 4
        x, _ = point(place, low)
        parts.append(
            f'<text x="{x}" y="{_HEIGHT - _BOTTOM + 18}" text-anchor="middle">{place:.4g}</text>'
        )
    axis = "band" if wavelengths_nm is None else "wavelength / nm"
    parts.append(f'<text x="{_WIDTH / 2}" y="{_HEIGHT - 4}" text-anchor="middle">{axis}</text>')
    for index, row in enumerate(rows):
        colour = _COLOURS[index % len(_COLOURS)]
        parts += _curve(places, row["per_band"][key], point, colour)
        parts.append(
            f'<text x="{_LEFT + 8}" y="{_TOP + 14 + 16 * index}" style="fill:{colour}">'
            f"{html.escape(row['result'])}</text>"
        )
    return "".join([*parts, "</svg>"])


def _curve(
    places: Sequence[float], values: Sequence[float | None], point: Any, colour: str
) -> list[str]:
    ordered = sorted(zip(places, values, strict=True), key=lambda pair: pair[0])
    runs: list[list[str]] = [[]]
    for place, value in ordered:
        if value is None:
            runs.append([])
        else:
            x, y = point(place, value)
            runs[-1].append(f"{x},{y}")
    return [
        f'<polyline points="{" ".join(run)}" fill="none" stroke="{colour}" stroke-width="2"/>'
        for run in runs
        if run
    ]
