"""``python -m napari_hsi_restore`` is ``napari-hsi-restore``."""

import sys

from napari_hsi_restore.cli import main

if __name__ == "__main__":
    sys.exit(main())
