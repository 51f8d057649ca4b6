"""One sentence for whatever a damaged file makes its decoder raise."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from napari_hsi_restore.errors import UserError
from napari_hsi_restore.io.staging import reason_of

_LONGEST = 200


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what goes wrong inside into a `UserError` that names the file.

    Parameters
    ----------
    path : Path
        Of the file that is read.

    Raises
    ------
    UserError
        As it came; for an error of the system "check the file"; for any other, which decoders
        raise of dozens of kinds when a byte is wrong, that the file is damaged.
    """
    try:
        yield
    except UserError:
        raise
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({reason_of(error)}); check the file.") from error
    except MemoryError as error:
        raise UserError(
            f"{path}: it says that it holds more than fits into memory; close other programs, or "
            "copy it again if it is not that large."
        ) from error
    except Exception as error:
        # The last resort: the cause stays with the sentence for whoever looks for a defect.
        reason = " ".join(str(error).split())[:_LONGEST] or type(error).__name__
        raise UserError(
            f"{path}: cannot be read ({reason}); the file is damaged, copy it again."
        ) from error
