"""Damaged files of every format: a cube or one sentence. `benchmarks.fuzz` has many more cases."""

from __future__ import annotations

import pytest

from benchmarks.fuzz import originals, run_case
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.io.damage import explained


@pytest.fixture(scope="module")
def choices(tmp_path_factory):
    return originals(tmp_path_factory.mktemp("originals"))


@pytest.mark.parametrize("block", range(4))
def test_a_damaged_file_ends_in_a_cube_or_in_one_sentence(choices, tmp_path, block):
    # No timing here: other programs may have the machine.
    for case in range(30 * block, 30 * (block + 1)):
        outcome = run_case(case, choices, tmp_path)
        assert outcome.kind in ("cube", "sentence"), outcome


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (KeyError("a\nb"), "damaged"),
        (MemoryError(), "more than fits into memory"),
        (PermissionError(13, "Permission denied"), "permission denied"),
    ],
)
def test_whatever_a_decoder_raises_is_one_sentence(tmp_path, error, word):
    with pytest.raises(UserError, match=word) as caught, explained(tmp_path / "x.h5"):
        raise error
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / "x.h5"))
    assert caught.value.__cause__ is error
