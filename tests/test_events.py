"""Events travel as one line of JSON and come back as they were."""

import numpy as np
import pytest

from napari_hsi_restore.events import (
    EDGES,
    CellState,
    Done,
    Failed,
    Metric,
    Note,
    Preview,
    Progress,
    Snapshot,
    from_json,
    to_json,
)


@pytest.mark.parametrize(
    "event",
    [
        Progress(0.5, "learning", 12.5),
        Metric("psnr", 31.25, 400),
        CellState(7, tuple((0.125,) * 8 for _ in EDGES), 0.75),
        Snapshot("/runs/mine/patch.npz", 400),
        Note("out of memory: the batch is now 4"),
        Failed("cube.tif: no such file.", user_error=True),
    ],
)
def test_an_event_comes_back_as_it_was(event):
    line = to_json(event)
    assert "\n" not in line
    assert from_json(line) == event


def test_done_keeps_its_path():
    back = from_json(to_json(Done("/models/mine.json")))
    assert isinstance(back, Done)
    assert back.result == "/models/mine.json"


def test_a_number_that_is_none_becomes_null():
    assert '"value": null' in to_json(Metric("loss", float("nan"), 1))


def test_arrays_do_not_travel_as_json():
    with pytest.raises(TypeError, match="travels as a file"):
        to_json(Preview(np.zeros((1, 2, 2), np.float32)))


@pytest.mark.parametrize(
    "line",
    [
        '{"event": "unknown"}',
        '{"fraction": 1}',
        "[1, 2]",
        '{"event": "cellstate", "step": 1, "weights": 3, "entropy": 0}',
        '{"event": "cellstate", "step": 1, "weights": [["a"]], "entropy": 0}',
        "no json",
    ],
)
def test_what_is_no_event_is_refused(line):
    with pytest.raises(ValueError, match=r"."):
        from_json(line)
