"""``python -m benchmarks.models_table``: the README's table of models, from their records.

With ``--write`` the table between the markers of README.md is replaced.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable
from pathlib import Path

from napari_hsi_restore.training.bundle import PHOTOGRAPHS, PICTURES
from napari_hsi_restore.zoo import list_models
from napari_hsi_restore.zoo.records import ModelRecord

# Label, last part of the name of a score, format.
ROWS = (
    ("PSNR, dB", "psnr", ".2f"),
    ("gain over bicubic, dB", "gain", "+.2f"),
    ("spectral angle, degrees", "sam", ".2f"),
)
README = Path(__file__).resolve().parents[1] / "README.md"
MARKED = re.compile(r"(<!-- models:begin -->\n).*?(<!-- models:end -->)", re.DOTALL)


def _material(record: ModelRecord) -> str:
    """How many cubes, and photographs, a model was trained on."""
    data = record.provenance.data
    photographs = sum(name.startswith((PHOTOGRAPHS, PICTURES)) for name in data)
    cubes = f"{len(data) - photographs} cubes"
    return f"{cubes} and {photographs} photographs" if photographs else cubes


def table(records: Iterable[ModelRecord]) -> str:
    """Markdown: what every model is for, its size, and its scores with their protocol."""
    lines = []
    protocols = []
    for record in records:
        lines.append(
            f"\n**`{record.name}`**: {record.purpose} {record.parameters:,} parameters, trained "
            f"for {record.steps:,} steps on {_material(record)}.\n\n"
        )
        cases = _cases(record)
        if record.task == "superres":
            # One case, its scale: the groups stand side by side.
            columns = {group: (group, case) for group in cases for case in cases[group]}
            lines += [_scores(record, "test scenes", columns)] if columns else []
        else:
            for group, found in cases.items():
                head = {_sigma(case): (group, case) for case in found}
                lines.append(_scores(record, f"test scenes: {group}", head))
        if record.protocol and record.protocol not in protocols:
            protocols.append(record.protocol)
    return "".join(lines) + "".join(f"\nProtocol: `{text}`.\n" for text in protocols)


def _cases(record: ModelRecord) -> dict[str, list[str]]:
    """Cases, such as noise levels, by group of scenes, of scores named group/case/metric."""
    found: dict[str, list[str]] = {}
    for group, case, _ in sorted((name.split("/") for name in record.scores), key=lambda n: n[0]):
        if case not in found.setdefault(group, []):
            found[group].append(case)
    return found


def _sigma(case: str) -> str:
    return f"sigma {case}" if case.isdigit() else case


def _scores(record: ModelRecord, title: str, columns: dict[str, tuple[str, str]]) -> str:
    """One table, a column for each case and a row for each metric that was measured."""
    text = f"| {title} | {' | '.join(columns)} |\n|{'---|' * (len(columns) + 1)}\n"
    for label, metric, form in ROWS:
        values = [record.scores.get(f"{group}/{case}/{metric}") for group, case in columns.values()]
        if any(value is not None for value in values):
            cells = ("-" if value is None else format(value, form) for value in values)
            text += f"| {label} | {' | '.join(cells)} |\n"
    return text + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__,
        prog="python -m benchmarks.models_table",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--write", action="store_true", help="into README.md")
    options = parser.parse_args()
    text = table(record for record in list_models() if record.bundled)
    print(text)
    if options.write:
        page = README.read_text(encoding="utf-8")
        README.write_text(MARKED.sub(lambda m: m[1] + text + m[2], page), encoding="utf-8")


if __name__ == "__main__":
    main()
