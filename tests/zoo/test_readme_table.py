"""The README shows the figures that stand in the records, and no others."""

from benchmarks.models_table import MARKED, README, table
from make.models import store_model
from napari_hsi_restore.cli import main
from napari_hsi_restore.models.spec import EigenSRSpec
from napari_hsi_restore.zoo import list_models, record
from napari_hsi_restore.zoo.records import FOLDER_VARIABLE


def test_the_readme_has_the_table_of_the_records():
    match = MARKED.search(README.read_text(encoding="utf-8"))
    assert match is not None
    expected = table(record for record in list_models() if record.bundled)
    assert expected.count("PSNR") >= len([entry for entry in list_models() if entry.bundled])
    assert match[0].removeprefix(match[1]).removesuffix(match[2]) == expected


def test_the_table_has_the_gain_of_an_enlarging_model(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    store_model(tmp_path, "tiny_x4", EigenSRSpec(scale=4, width=4, blocks=1, components=2))
    scores = {
        f"{group}/x4/{metric}": value
        for group in ("cave", "airborne")
        for metric, value in (("psnr", 39.815), ("gain", 4.06), ("sam", 3.13))
    }
    model = record("tiny_x4").model_copy(update={"scores": scores, "protocol": "as told"})
    text = table([model])
    assert "| test scenes | airborne | cave |\n|---|---|---|\n" in text
    assert "| gain over bicubic, dB | +4.06 | +4.06 |\n" in text
    assert "Protocol: `as told`." in text
    (tmp_path / "tiny_x4.json").write_text(model.model_dump_json())
    assert main(["models"]) == 0
    said = capsys.readouterr().out
    assert "tiny_x4  (superres x4, user-made)" in said
    assert "cave/x4/gain: 4.06" in said
