"""The one error class for what a user can cause and put right."""

from __future__ import annotations


class UserError(Exception):
    """A problem that the user can solve.

    The message is one sentence (or two short ones) that names the file or the
    setting, says what is wrong with it, and what to do. The command line prints
    it on standard error and exits with status 1; napari shows it as a
    notification.
    """
