"""What the command line answers: the JSON objects that scripts rely on, and plain text."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

from napari_hsi_restore.cube import FloatArray
from napari_hsi_restore.metrics import Scores
from napari_hsi_restore.noise import NoiseReport
from napari_hsi_restore.restore.choices import Choice
from napari_hsi_restore.restore.recommend import Recommendation
from napari_hsi_restore.zoo import ModelRecord

_LINE = 80
_SCORE_COLUMNS = (
    ("psnr", "PSNR dB", 2),
    ("mpsnr", "MPSNR dB", 2),
    ("ssim", "SSIM", 4),
    ("sam_deg", "SAM deg", 3),
    ("ergas", "ERGAS", 3),
)


def info_text(answer: Mapping[str, Any], history: Sequence[str] = ()) -> str:
    """The answer of `verbs.info` for a person.

    Parameters
    ----------
    answer : mapping
        Of `verbs.info`.
    history : sequence of str
        Of the cube: what reading it had to guess stands there, too.
    """
    bands, height, width = answer["shape"]
    lines = [
        ("shape", f"{counted(bands)}, {height} x {width} pixels (rows x columns)"),
        ("type", str(answer["dtype"])),
        ("format", _known(answer["format"])),
        *([("interleave", answer["interleave"])] if answer["interleave"] else []),
        ("units", _known(answer["units"])),
        ("wavelengths", _range(answer["wavelengths_nm"])),
        ("fwhm", _range(answer["fwhm_nm"])),
        ("bad bands", _bad_bands(answer["good_bands"])),
        ("no-data", _known(answer["nodata"])),
        ("reference", _short(_known(answer["crs"]))),
        ("transform", _known(answer["transform"])),
        ("on disk", "not known" if answer["bytes"] is None else _size(answer["bytes"])),
    ]
    lines += [("history" if index == 0 else "", step) for index, step in enumerate(history)]
    return "\n".join(f"{name:<12}{value}" for name, value in lines)


def model_json(record: ModelRecord) -> dict[str, Any]:
    """One object of ``models --json``."""
    return {
        "name": record.name,
        "task": record.task,
        "scale": record.scale,
        "min_bands": record.min_bands,
        "parameters": record.parameters,
        "halo": record.halo,
        "bundled": record.bundled,
        "sha256": record.sha256,
        "scores": dict(record.scores),
        "networks": [],
    }


def model_text(record: ModelRecord) -> str:
    """A model for a person: purpose, size, training data, measured figures."""
    task = record.task if record.scale == 1 else f"{record.task} x{record.scale}"
    lines = [
        f"{record.name}  ({task}, {'bundled' if record.bundled else 'user-made'})",
        f"  {record.purpose}",
        f"  {record.parameters:,} parameters, from {record.min_bands} band(s), halo {record.halo}",
        f"  trained on {len(record.provenance.data)} cube(s), sha256 {record.sha256[:12]}",
        *([f"  {record.remark}"] if record.remark else []),
    ]
    lines += [f"  {name}: {value:.2f}" for name, value in record.scores.items()]
    return "\n".join(lines)


def method_json(choice: Choice) -> dict[str, Any]:
    """One object of ``models --json`` for a method."""
    return {
        "name": choice.name,
        "task": "denoise",
        "scale": 1,
        "min_bands": choice.min_bands,
        "parameters": 0,
        "halo": None,
        "bundled": True,
        "sha256": None,
        "scores": {},
        "networks": list(choice.networks),
    }


def method_text(choice: Choice) -> str:
    """A method for a person."""
    need = "needs the whole image in memory" if choice.whole_image else "one spectrum at a time"
    how = f"with {' and '.join(choice.networks)}" if choice.networks else "no training"
    return f"{choice.name}  (denoise, {how})\n  {choice.purpose}\n  {need}"


def noise_json(report: NoiseReport, advice: Recommendation) -> dict[str, Any]:
    """The object of ``noise --json``."""
    return {
        "sigma": list(report.sigma),
        "snr_db": list(report.snr_db),
        "shot_share": report.shot_share,
        "shot_part": list(report.shot_part),
        "photons_at_white": report.photons_at_white,
        "impulse_fraction": report.impulse_fraction,
        "lone_fraction": report.lone_fraction,
        "stripes": list(report.stripes),
        "stripe_direction": report.stripe_direction,
        "stripe_kinds": {str(band): kind for band, kind in report.stripe_kinds.items()},
        "stripe_strength": report.stripe_strength,
        "stripe_gain": report.stripe_gain,
        "dead_lines": {str(band): list(lines) for band, lines in report.dead_lines.items()},
        "dead_line_direction": report.dead_line_direction,
        "bad_bands": list(report.bad_bands),
        "bad_band_reasons": {str(band): why for band, why in report.bad_bands.items()},
        "subspace_dimension": report.subspace_dimension,
        "missing_fraction": report.missing_fraction,
        "recommendation": dataclasses.asdict(advice),
    }


def noise_text(report: NoiseReport, advice: Recommendation, wavelengths: FloatArray | None) -> str:
    """The noise of a cube for a person: what was found, what to do, and a row a band."""
    lines = [f"- {sentence}" for sentence in report.findings]
    if len(lines) == 1:
        lines.append("- No stripes, dead lines, impulses or bad bands were found.")
    lines += ["", f"Recommended: --model {advice.model}. {advice.reason}", ""]
    where = "nm" if wavelengths is not None else ""
    lines.append(f"{'band':>5} {where:>8} {'sigma':>10} {'of 255':>8} {'SNR dB':>7}  found")
    for band, (sigma, scaled, snr) in enumerate(
        zip(report.sigma, report.sigma_255, report.snr_db, strict=True)
    ):
        place = "" if wavelengths is None else f"{wavelengths[band]:.1f}"
        cells = [
            f"{band:>5}",
            f"{place:>8}",
            f"{_cell(sigma, '.4g'):>10}",
            f"{_cell(scaled, '.3g'):>8}",
            f"{_cell(snr, '.1f'):>7}",
        ]
        lines.append(" ".join(cells) + f"  {', '.join(report.defects_of(band))}".rstrip())
    return "\n".join(lines)


def _cell(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def scores_json(result: str, scores: Scores) -> dict[str, Any]:
    """One object of ``compare --json``; `result` is the name as the user typed it."""
    return {**scores.to_json_dict(), "result": result}


def scores_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """The objects of `scores_json` as a table."""
    width = max(6, *(len(row["result"]) for row in rows))
    lines = [
        "  ".join([f"{'result':<{width}}", *(f"{title:>8}" for _, title, _ in _SCORE_COLUMNS)])
    ]
    for row in rows:
        cells = [f"{score_cell(row[key], digits):>8}" for key, _, digits in _SCORE_COLUMNS]
        lines.append("  ".join([f"{row['result']:<{width}}", *cells]))
    return "\n".join(lines)


def scores_markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    """The objects of `scores_json` as a Markdown table."""
    titles = ["result", *(title for _, title, _ in _SCORE_COLUMNS)]
    lines = [f"| {' | '.join(titles)} |", f"|---{'|---:' * len(_SCORE_COLUMNS)}|"]
    for row in rows:
        cells = [score_cell(row[key], digits) for key, _, digits in _SCORE_COLUMNS]
        lines.append(f"| {' | '.join([row['result'], *cells])} |")
    return "\n".join(lines) + "\n"


def score_cell(value: float | None, digits: int) -> str:
    """A score for a table; what is infinite or not defined is null in JSON and a dash here."""
    return "-" if value is None or not math.isfinite(value) else f"{value:.{digits}f}"


def counted(bands: int) -> str:
    """``1 band``, ``31 bands``."""
    return "1 band" if bands == 1 else f"{bands} bands"


def _known(value: Any) -> str:
    return "not known" if value is None else str(value)


def _short(text: str) -> str:
    return text if len(text) <= _LINE else f"{text[:_LINE]}..."


def _range(values: Sequence[float | None] | None) -> str:
    numbers = [value for value in values or () if value is not None]
    if not numbers:
        return "not known"
    return f"{min(numbers):g} to {max(numbers):g} nm"


def _bad_bands(good: Sequence[bool] | None) -> str:
    if good is None:
        return "not known"
    bad = [index for index, flag in enumerate(good) if not flag]
    return f"{len(bad)}: {', '.join(map(str, bad))} (counted from 0)" if bad else "none"


def _size(count: int) -> str:
    size = float(count)
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.2f} GB"
