"""The runs of one napari window: what was asked of the child and what comes of it.

A `Runs` belongs to the main window, not to a dock: closing a dock leaves its runs
going, their layers are still added, and a dock that is opened again shows them.
"""

from __future__ import annotations

import dataclasses
import functools
import logging
import time
from collections.abc import Callable
from typing import Any

from napari.layers import Layer
from napari.utils.notifications import show_error
from qtpy.QtCore import QEvent, QObject, QTimer, Signal
from qtpy.QtWidgets import QMainWindow, QWidget

from napari_hsi_restore.errors import UserError
from napari_hsi_restore.events import Done, Event, Failed, Progress
from napari_hsi_restore.jobs.client import Job, JobClient, shared_client
from napari_hsi_restore.jobs.requests import DevicesRequest, NoiseRequest, Request

_log = logging.getLogger(__name__)
_POLL_MS = 100
_NAME_LENGTH = 24


@dataclasses.dataclass(frozen=True)
class Status:
    """How things stand, ready to be shown.

    Attributes
    ----------
    text : str
        One line.
    busy : bool
        Whether something runs or waits.
    fraction : float or None
        0 to 1; None while it is not known.
    remaining : str
        Time left, or empty.
    """

    text: str = "Ready."
    busy: bool = False
    fraction: float | None = 0.0
    remaining: str = ""


@dataclasses.dataclass(eq=False)
class _Run:
    job: Job
    title: str
    slot: str
    finish: Callable[[Any], str]
    quiet: bool
    began: float
    progress: Progress | None = None


class Runs(QObject):
    """Watches the jobs of a window ten times a second and finishes them.

    Parameters
    ----------
    client : JobClient
    parent : QObject
        The main window; the runs are cancelled when it goes.
    """

    changed = Signal()
    devices_listed = Signal(object)
    noise_estimated = Signal(object, object)

    def __init__(self, client: JobClient, parent: QObject) -> None:
        super().__init__(parent)
        self._client = client
        self._runs: list[_Run] = []
        self._last = Status()
        self._timer = QTimer(self)
        self._timer.setInterval(_POLL_MS)
        self._timer.timeout.connect(self._poll)
        self.destroyed.connect(functools.partial(_leave, client, self._runs))
        if isinstance(parent, QMainWindow):
            parent.installEventFilter(self)

    @property
    def status(self) -> Status:
        """How things stand."""
        shown = [run for run in self._runs if not run.quiet]
        if not shown:
            return self._last
        first, waiting = shown[0], len(shown) - 1
        more = f" ({waiting} more waiting)" if waiting else ""
        ahead = self._client.jobs_before(first.job)
        if ahead:
            return Status(f"{first.title}: waiting for what runs before it{more}", True, None)
        progress = first.progress
        if progress is None or not progress.fraction:
            detail = progress.message if progress and progress.message else "starting"
            return Status(f"{first.title}: {detail}{more}", True, None)
        return Status(
            f"{first.title}: {progress.message or 'running'}{more}",
            True,
            progress.fraction,
            f"{progress.fraction:.0%}{time_left(progress.eta_s)}",
        )

    def start(
        self,
        request: Request,
        title: str,
        finish: Callable[[Any], str],
        *,
        slot: str = "",
        quiet: bool = False,
    ) -> None:
        """Add a request to the queue.

        Parameters
        ----------
        request : Request
        title : str
            What the status line calls it.
        finish : callable
            Gets the result on the GUI thread and returns what was made of it, in a
            few words for the status line. It must not hold a dock.
        slot : str
            A request replaces an unfinished one of the same slot; empty replaces none.
        quiet : bool
            Whether the status line leaves it out.
        """
        for run in self._runs:
            if slot and run.slot == slot:
                self._client.cancel(run.job)
        job = self._client.submit(request)
        self._runs.append(_Run(job, title, slot, finish, quiet, time.monotonic()))
        self._timer.start()
        self.changed.emit()

    def list_devices(self, request: DevicesRequest) -> None:
        """Ask for the devices; `devices_listed` gives them."""

        def finish(devices: Any) -> str:
            self.devices_listed.emit(devices)
            return ""

        self.start(request, "Devices", finish, slot="devices", quiet=True)

    def estimate_noise(self, request: NoiseRequest, layer: Layer) -> None:
        """Estimate the noise of a layer; `noise_estimated` gives layer and estimate."""

        def finish(estimate: Any) -> str:
            self.noise_estimated.emit(layer, estimate)
            return ""

        self.start(request, f"Noise of “{short(layer.name)}”", finish, slot="noise")

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802
        """Leave together with the window, which napari may keep in memory for a while."""
        if watched is self.parent() and event is not None and event.type() == QEvent.Type.Close:
            QTimer.singleShot(0, self._leave_if_closed)
        return super().eventFilter(watched, event)

    def _leave_if_closed(self) -> None:
        # napari may ask first, and the user may stay.
        window = self.parent()
        if isinstance(window, QWidget) and not window.isVisible():
            _leave(self._client, self._runs)

    def cancel(self) -> None:
        """Cancel the run that the status line shows."""
        for run in self._runs:
            if not run.quiet and not run.job.cancelled:
                self._client.cancel(run.job)
                break

    def say(self, text: str) -> None:
        """Put a line into the status while nothing runs."""
        self._last = Status(text)
        self.changed.emit()

    def _poll(self) -> None:
        for run in list(self._runs):
            for event in run.job.poll():
                self._take(run, event)
            if run.job.drained and run in self._runs:
                self._runs.remove(run)
                if run.job.cancelled and not run.quiet:
                    self._last = Status(f"{run.title}: cancelled after {_seconds(run)}.")
        if not self._runs:
            self._timer.stop()
        self.changed.emit()

    def _take(self, run: _Run, event: Event) -> None:
        if isinstance(event, Progress):
            run.progress = event
        elif isinstance(event, Failed):
            self._fail(run, event.message if event.user_error else _defect(event.message))
        elif isinstance(event, Done):
            try:
                outcome = run.finish(event.result)
            except UserError as error:
                self._fail(run, str(error))
            except Exception as error:
                # Whatever listens to new layers, other plugins too, runs in here: the next
                # runs must not wait for ever because of it.
                _log.exception("showing the result of %s", run.title)
                self._fail(run, _defect(f"{type(error).__name__}: {error}"))
            else:
                if not run.quiet:
                    text = f"{run.title}: finished in {_seconds(run)}. {outcome}".strip()
                    self._last = Status(text, fraction=1.0)

    def _fail(self, run: _Run, sentence: str) -> None:
        if not run.quiet:
            self._last = Status(f"{run.title}: failed. {sentence}")
            show_error(sentence)


def runs_of(widget: QWidget) -> Runs:
    """Return the runs of the window that a widget is in, made when first asked for.

    A widget outside of any main window gets runs of its own.
    """
    owner: QObject = widget
    parent: QObject | None = widget
    while parent is not None:
        if isinstance(parent, QMainWindow):
            owner = parent
        parent = parent.parent()
    found = [child for child in owner.children() if isinstance(child, Runs)]
    return found[0] if found else Runs(shared_client(), owner)


def short(name: str) -> str:
    """A name that leaves room for other words in a line of a narrow dock."""
    if len(name) <= _NAME_LENGTH:
        return name
    half = _NAME_LENGTH // 2
    return f"{name[:half]}…{name[-half:]}"


def _leave(client: JobClient, runs: list[_Run], _: object = None) -> None:
    for run in runs:
        client.cancel(run.job)
    client.retire()


def _defect(what: str) -> str:
    return f"This is a defect of the program ({what}); please report it."


def _seconds(run: _Run) -> str:
    return f"{time.monotonic() - run.began:.1f} s"


def time_left(eta_s: float | None) -> str:
    """How long it takes yet, in words that follow a percentage; empty if not known."""
    if eta_s is None:
        return ""
    minutes, seconds = divmod(max(1, round(eta_s)), 60)
    if minutes >= 60:
        return f" · about {minutes // 60} h {minutes % 60} min left"
    if minutes:
        return f" · about {minutes} min {seconds} s left"
    return f" · about {seconds} s left"
