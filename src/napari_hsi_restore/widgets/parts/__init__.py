"""Parts of docks; they emit ``<noun>_requested`` signals and know no viewer."""
