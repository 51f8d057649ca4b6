"""The README shows the figures that stand in the records, and no others."""

from benchmarks.models_table import MARKED, README, table
from napari_hsi_restore.zoo import list_models


def test_the_readme_has_the_table_of_the_records():
    match = MARKED.search(README.read_text(encoding="utf-8"))
    assert match is not None
    expected = table(record for record in list_models() if record.bundled)
    assert expected.count("PSNR") >= len([entry for entry in list_models() if entry.bundled])
    assert match[0].removeprefix(match[1]).removesuffix(match[2]) == expected
