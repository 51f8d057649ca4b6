"""Bands of a large cube in a file, read away from the thread that asks for them.

In a BIL or BIP file one band lies in all of the file's pages: its first sight costs reading the
whole file. So whoever shows bands gets at once what is there (an exact piece, or a coarse
preview), and the exact piece when a thread has read it. Meanwhile another thread reads a
coarse overview of all bands, and, where bands are scattered, sorts them into a temporary
file of bounded size, from which each of them comes at once.
"""

from __future__ import annotations

import contextlib
import math
import shutil
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from platformdirs import user_cache_path

from napari_hsi_restore.errors import UserError
from napari_hsi_restore.io import band_copies
from napari_hsi_restore.io.held_pieces import Box, HeldPieces
from napari_hsi_restore.io.stored_map import StoredMap, every, stored_map

# Sizes are our own choice [ours].
LARGE_BYTES = 256 * 2**20
"""Smaller cubes are shown directly: even a scattered band of them is there in an instant."""
OVERVIEW_BYTES = 64 * 2**20
CACHE_BYTES = 384 * 2**20
COPY_BYTES = 8 * 2**30
"""At most so large is the temporary file, and at most a quarter of the free disk."""
_COARSEST_COPY = 4
_COARSEST_SIDE = 256
_BLOCK_BYTES = 32 * 2**20
_NEIGHBOURS = 3


def suits(data: Any) -> bool:
    """Whether a cube's values are a plain map of a large file (of any order of the axes)."""
    return (
        isinstance(data, np.memmap)
        and data.ndim == 3
        and data.nbytes >= LARGE_BYTES
        and stored_map(data) is not None
    )


class BandViews:
    """Pieces of a cube at full size, and of every 2nd, 4th ... row and column of it.

    Level n holds ``data[:, ::2**n, ::2**n]``: values as stored, nothing is averaged.

    Parameters
    ----------
    data : numpy.memmap, (bands, y, x)
        For which `suits` is true.
    copy_bytes : int
        Limit of the temporary file; 0 makes none.
    folder : Path or None
        Where the temporary file goes; the user's cache folder if None.

    Attributes
    ----------
    data : numpy.memmap
    steps : tuple of int
        1, 2, 4 ... of the levels.
    scattered : bool
        Whether a band lies in many places of the file (BIL, BIP).
    """

    def __init__(
        self, data: Any, *, copy_bytes: int = COPY_BYTES, folder: Path | None = None
    ) -> None:
        self.data = data
        self.scattered = self._is_scattered()
        steps = [1]
        while max(data.shape[1:]) / steps[-1] > _COARSEST_SIDE:
            steps.append(2 * steps[-1])
        self.steps = tuple(steps)
        self._copy_limit, self._folder = copy_bytes, folder
        self._lock = threading.Condition()
        self._pieces = HeldPieces(CACHE_BYTES, 2 * _NEIGHBOURS + 1)
        self._not_before = self._pause = self._latest = 0.0
        self._ahead: tuple[int, Box] | None = None
        self._before = 0
        self._wanted: dict[int, Box] = {}
        self._reading = self._prepared = False
        self._sorted: tuple[int, npt.NDArray[Any]] | None = None
        self._overview: tuple[int, npt.NDArray[Any]] | None = None
        self._filling: tuple[int, npt.NDArray[Any]] | None = None
        self._last: dict[int, npt.NDArray[Any]] = {}
        self._listeners: list[Callable[[], None]] = []
        self.failure = ""
        """Why the file cannot be read any more; empty while it can."""
        self.sorting: float | None = None
        """How much of the temporary file is made, 0 to 1; None while none is being made."""
        self.copied = False
        """Whether the temporary file is made."""
        self.copy_step, self.copy_size = self._plan_copy()

    def _is_scattered(self) -> bool:
        stored = stored_map(self.data)
        assert stored is not None
        self._stored: StoredMap = stored
        return stored.order[0] != 0

    # What is asked for -------------------------------------------------------

    def shape(self, level: int) -> tuple[int, int, int]:
        """Shape of a level."""
        step = self.steps[level]
        bands, rows, columns = self.data.shape
        return bands, -(-rows // step), -(-columns // step)

    def at_once(
        self, level: int, box: Box, patience_s: float = 0.0
    ) -> tuple[npt.NDArray[Any], bool]:
        """What can be shown of a piece now; the exact piece is read if it is not there.

        Parameters
        ----------
        level : int
        box : Box
            Of that level.
        patience_s : float
            Waits so long for the exact piece, so that a picture that is nearly there does not
            come twice.

        Returns
        -------
        values : ndarray
            Of the shape of `box`.
        exact : bool
            False for a preview: from the overview of the cube, or else the band that was
            shown before, or zeros. `listen` tells when the exact piece is there.
        """
        self.prepare()
        if self.postponed():
            self._not_before = min(time.monotonic() + self._pause, self._latest)
        with self._lock:
            found = self._find(level, box)
            if found is None and not self.failure:
                self._want(level, box)
                # A band that lies in all of the file does not come within any patience.
                if self._is_costly(level):
                    patience_s = 0.0
                if patience_s and self._lock.wait_for(
                    lambda: self._find(level, box) is not None, patience_s
                ):
                    found = self._find(level, box)
            if found is not None:
                self._last[level] = found
                self._look_ahead(level, box)
                return found, True
            return self._preview(level, box), False

    def exact(self, level: int, box: Box) -> npt.NDArray[Any]:
        """Read a piece now, however long it takes."""
        return self._read(level, box, lambda: False)

    def listen(self, callback: Callable[[], None]) -> None:
        """Call something without arguments, in any thread, whenever there is more to show."""
        self._listeners.append(callback)

    def postpone(self, seconds: float, most: float) -> None:
        """Begin to read later, for a window is being built that needs the processor.

        Parameters
        ----------
        seconds : float
            After nothing was asked for so long.
        most : float
            After so long in any case.
        """
        now = time.monotonic()
        self._pause, self._latest = seconds, now + most
        self._not_before = min(now + seconds, self._latest)

    def postponed(self) -> float:
        """Seconds for which nothing is to be read yet."""
        return max(0.0, self._not_before - time.monotonic())

    @property
    def busy(self) -> bool:
        """Whether a piece that was asked for is still being read."""
        return self._reading

    def prepare(self) -> None:
        """Begin the overview and the temporary file, once."""
        with self._lock:
            if self._prepared:
                return
            self._prepared = True
        threading.Thread(
            target=self._preparation(),
            args=(weakref.ref(self),),
            name="band overview",
            daemon=True,
        ).start()

    def _preparation(self) -> Callable[[weakref.ref[Any]], None]:
        """What a thread does that must not keep the views alive."""
        return band_copies.prepare

    # The thread that reads pieces --------------------------------------------

    def _want(self, level: int, box: Box) -> None:
        # The latest of each level: napari asks for the picture and for its thumbnail.
        self._wanted[level] = box
        self._start()

    def _start(self) -> None:
        if not self._reading:
            self._reading = True
            # It ends when nothing is wanted any more, so that no thread outlives the cube.
            threading.Thread(target=self._work, name="band reader", daemon=True).start()

    def _work(self) -> None:
        while left := self.postponed():
            time.sleep(left)
        while True:
            with self._lock:
                if not self._wanted and self._ahead is not None:
                    self._wanted[self._ahead[0]] = self._ahead[1]
                    self._ahead = None
                if not self._wanted or self.failure:
                    self._reading = False
                    return
                level = min(self._wanted)
                box = self._wanted.pop(level)
                if self._find(level, box) is not None:
                    continue
            wider = self._widened(level, box)
            try:
                values = self._read(level, wider, self._stopper(level))
            except BrokenOffError:
                continue
            except Exception as error:  # decoders raise dozens of kinds
                said = f"{self._name()}: cannot be read any more ({error}); open it again."
                self.failure = str(error) if isinstance(error, UserError) else said
                self._tell()
                continue
            with self._lock:
                self._pieces.keep(level, wider, values)
                self._lock.notify_all()
            self._tell()

    def _name(self) -> str:
        return str(self._stored.path)

    def _look_ahead(self, level: int, box: Box) -> None:
        """A slider that moves on asks for the next band in the same direction."""
        (first, last), rows, columns = box
        following = first + (1 if first >= self._before else -1)
        self._before = first
        if self._is_costly(level) or last - first > 1 or not 0 <= following < self.data.shape[0]:
            return
        ahead: Box = ((following, following + 1), rows, columns)
        if level < len(self.steps) - 1 and self._find(level, ahead) is None:
            self._ahead = level, ahead
            self._start()

    def _stopper(self, level: int) -> Callable[[], bool]:
        return lambda: level in self._wanted

    def _widened(self, level: int, box: Box) -> Box:
        """With the neighbouring bands, which the next steps of a slider ask for."""
        (first, last), rows, columns = box
        if last - first > 1:
            return box
        size = self.data.itemsize * (rows[1] - rows[0]) * (columns[1] - columns[0])
        room = max(0, (self._pieces.most_bytes // 4 // max(1, size) - 1) // 2)
        # A band that lies in one piece is read alone: its neighbours would delay it.
        more = min(_NEIGHBOURS if self._is_costly(level) else 0, room)
        return (max(0, first - more), min(self.data.shape[0], last + more)), rows, columns

    def _is_costly(self, level: int) -> bool:
        """Whether a piece of a band costs reading much of the file."""
        return self.scattered and self._source(level) is None

    def _source(self, level: int) -> tuple[int, npt.NDArray[Any]] | None:
        """Step and array of a copy that holds all of a level, if there is one."""
        step = self.steps[level]
        for held in (self._overview, self._sorted):
            if held is not None and step % held[0] == 0:
                return held
        return None

    def _read(self, level: int, box: Box, stop: Callable[[], bool]) -> npt.NDArray[Any]:
        bands, rows, columns = box
        step = self.steps[level]
        source = self._source(level)
        if source is not None:
            part = step // source[0]
            return np.array(
                source[1][slice(*bands), every(*rows, part), every(*columns, part)], order="C"
            )
        values: npt.NDArray[Any] = np.empty([b - a for a, b in box], self.data.dtype)
        self._fill(values, level, box, stop)
        return values

    def _fill(
        self, values: npt.NDArray[Any], level: int, box: Box, stop: Callable[[], bool]
    ) -> None:
        """Read a piece from the file itself; a `BrokenOffError` as soon as `stop` says so."""
        bands, rows, columns = box
        step = self.steps[level]
        touched = step * (columns[1] - columns[0]) * self.data.shape[0] * self.data.itemsize
        height = self.rows_at_once(touched) if self.scattered else rows[1]
        for first in range(rows[0], rows[1], height):
            if stop():
                raise BrokenOffError
            last = min(first + height, rows[1])
            place = slice(first - rows[0], last - rows[0])
            # A map for each block: pages that stay mapped count as memory of the program.
            values[:, place] = self._stored.open()[
                slice(*bands), every(first, last, step), every(*columns, step)
            ]

    # What is held ------------------------------------------------------------

    def _find(self, level: int, box: Box) -> npt.NDArray[Any] | None:
        step = self.steps[level]
        if self._overview is not None and step % self._overview[0] == 0:
            return self._read(level, box, lambda: False)
        return self._pieces.find(level, box)

    def _preview(self, level: int, box: Box) -> npt.NDArray[Any]:
        step = self.steps[level]
        held = self._overview or self._filling
        if held is not None:
            coarse, values = held
            bands, *spans = box
            rows, columns = (
                np.minimum(np.arange(*span) * step // coarse, values.shape[axis] - 1)
                for axis, span in enumerate(spans, start=1)
            )
            return values[slice(*bands)][:, rows[:, None], columns]
        shape = tuple(last - first for first, last in box)
        before = self._last.get(level)
        if before is not None and before.shape == shape:
            return before
        return np.zeros(shape, self.data.dtype)

    # For the thread that makes copies ----------------------------------------

    def rows_at_once(self, row_bytes: int) -> int:
        """How many rows of so many bytes are read in one go."""
        return max(1, _BLOCK_BYTES // max(1, row_bytes))

    def read_rows(self, first: int, last: int, step: int) -> npt.NDArray[Any]:
        """All bands of some of every `step`-th row and column, (bands, y, x)."""
        return np.array(self._stored.open()[:, every(first, last, step), ::step], order="C")

    def put_overview(self, step: int, values: npt.NDArray[Any]) -> None:
        """Show what is coarse from an overview, (bands, y, x), of every `step`-th pixel."""
        with self._lock:
            self._overview = (step, values)
        self._tell()

    def put_sorted(self, step: int, values: npt.NDArray[Any]) -> None:
        """Read from the sorted copy, (bands, y, x), of every `step`-th pixel from now on."""
        with self._lock:
            self._sorted = (step, values)
        self.copied = True
        self.say_sorted(None)

    def say_sorted(self, fraction: float | None) -> None:
        """Say how much of the copy is made; None for an end."""
        self.sorting = fraction
        self._tell()

    def _plan_copy(self) -> tuple[int, int]:
        """Step and bytes of the temporary file; (0, 0) if there is none to be made."""
        if not self.scattered or not self._copy_limit:
            return 0, 0
        folder = self.cache_folder()
        if folder is None:
            return 0, 0
        most = min(self._copy_limit, shutil.disk_usage(folder).free // 4)
        for level, step in enumerate(self.steps):
            size = math.prod(self.shape(level)) * self.data.itemsize
            if step <= _COARSEST_COPY and size <= most:
                return step, size
        return 0, 0

    def cache_folder(self) -> Path | None:
        """Where the temporary file goes; None where no folder can be made."""
        folder = self._folder or user_cache_path("napari-hsi-restore", appauthor=False)
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            return folder
        return None

    def overview_step(self) -> int:
        """Every how many rows and columns the overview of all bands has."""
        return next(
            (
                step
                for level, step in enumerate(self.steps)
                if math.prod(self.shape(level)) * self.data.itemsize <= OVERVIEW_BYTES
            ),
            self.steps[-1],
        )

    def _tell(self) -> None:
        for callback in tuple(self._listeners):
            callback()


class BrokenOffError(Exception):
    """Something else is wanted meanwhile."""
