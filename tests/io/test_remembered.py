"""Answers that are kept for files alike, and the bundled band tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_hsi_restore.io.choices import Answers, Choices, DataSet
from napari_hsi_restore.io.remembered import MOST, Memory, signature
from napari_hsi_restore.io.sensors import sensor_tables
from napari_hsi_restore.io.wavelengths import from_user

PRISMA = next(one for one in sensor_tables() if one.name == "prisma")


@pytest.mark.parametrize(
    "answers",
    [
        Answers(key="I1", bands_axis=2),
        Answers(shape=(10, 20), pixel_order="row-major", wavelengths=(400.0, 1000.0)),
        Answers(wavelengths=PRISMA.path),
    ],
)
def test_answers_come_back_from_text(answers):
    memory = Memory.load(Memory().with_answers("a", answers).text)
    assert memory.about("a") == answers
    assert memory.about("b") is None
    assert memory.without("a").about("a") is None
    assert memory.with_answers("a", Answers()).about("a") is None


def test_a_bundled_table_is_kept_by_name_and_an_own_one_only_while_it_is_there(tmp_path):
    assert (
        str(PRISMA.path.parent)
        not in Memory().with_answers("a", Answers(wavelengths=PRISMA.path)).text
    )
    own = tmp_path / "bands.txt"
    own.write_text("400\n500\n")
    memory = Memory().with_answers("a", Answers(bands_axis=1, wavelengths=own))
    assert memory.about("a") == Answers(bands_axis=1, wavelengths=own)
    own.unlink()
    assert memory.about("a") == Answers(bands_axis=1)


def test_damaged_text_is_an_empty_memory_and_the_oldest_is_forgotten():
    assert Memory.load("{") == Memory() == Memory.load('{"said": 3}')
    memory = Memory()
    for number in range(MOST + 5):
        memory = memory.with_answers(str(number), Answers(bands_axis=1))
    assert memory.about("4") is None
    assert memory.about("5") is not None


def test_files_are_alike_by_format_names_shapes_and_types():
    def of(format_, *data_sets):
        return signature(Choices(format_, data_sets), None)

    one = DataSet("I", (4, 5, 6), "uint16")
    assert of("MATLAB", one) == of("MATLAB", DataSet("I", (4, 5, 6), "uint16"))
    others = [DataSet("J", (4, 5, 6), "uint16"), DataSet("I", (4, 5, 7), "uint16")]
    assert len({of("MATLAB", one), of("NumPy", one), *(of("MATLAB", x) for x in others)}) == 4
    assert signature(Choices("ENVI", ()), (3, 4, 5)) != signature(Choices("ENVI", ()), (4, 4, 5))


def test_the_tables_are_plausible_and_name_their_source():
    for one in sensor_tables():
        centres, widths = from_user(one.path)
        assert len(centres) == one.bands
        assert centres.min() > 350
        assert centres.max() < 2600
        assert widths is None or (widths > 0).all()
        assert one.source
        assert str(one.bands) in one.source


def test_the_tables_are_those_of_the_real_files(shared_data):
    for name, file in (("prisma", "prisma.csv"), ("emit", "emit.csv"), ("desis", "desis.csv")):
        table = next(one for one in sensor_tables() if one.name == name)
        expected = from_user(Path(shared_data / "wavelengths" / file))
        np.testing.assert_array_equal(from_user(table.path), expected)
