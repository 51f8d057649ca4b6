"""``python -m benchmarks.models_table``: the README's table of models, from their records.

With ``--write`` the table between the markers of README.md is replaced.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable
from pathlib import Path

from napari_hsi_restore.zoo import list_models
from napari_hsi_restore.zoo.records import ModelRecord

README = Path(__file__).resolve().parents[1] / "README.md"
MARKED = re.compile(r"(<!-- models:begin -->\n).*?(<!-- models:end -->)", re.DOTALL)


def table(records: Iterable[ModelRecord]) -> str:
    """Markdown: what every model is for, its size, and its scores with their protocol."""
    lines = []
    protocols = []
    for record in records:
        groups = sorted({name.split("/")[0] for name in record.scores})
        lines.append(
            f"\n**`{record.name}`**: {record.purpose} {record.parameters:,} parameters, trained "
            f"for {record.provenance.steps:,} steps on {len(record.provenance.data)} cubes.\n\n"
        )
        for group in groups:
            lines.append(_scores(record, group))
        if record.protocol and record.protocol not in protocols:
            protocols.append(record.protocol)
    return "".join(lines) + "".join(f"\nProtocol: `{text}`.\n" for text in protocols)


def _scores(record: ModelRecord, group: str) -> str:
    cases = list(dict.fromkeys(n.split("/")[1] for n in record.scores if n.startswith(f"{group}/")))

    def row(label: str, key: str, digits: int) -> str:
        values = (f"{record.scores[f'{group}/{case}/{key}']:.{digits}f}" for case in cases)
        return f"| {label} | " + " | ".join(values) + " |\n"

    head = [case if not case.isdigit() else f"sigma {case}" for case in cases]
    return (
        f"| test scenes: {group} | {' | '.join(head)} |\n|{'---|' * (len(cases) + 1)}\n"
        + row("PSNR, dB", "psnr", 2)
        + row("spectral angle, degrees", "sam", 2)
        + "\n"
    )


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
