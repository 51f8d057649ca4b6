"""Restore hyperspectral cubes in napari, in Python and on the command line.

    import napari_hsi_restore as hsr

    cube = hsr.read("scene.hdr")
    result = hsr.denoise(cube)
    hsr.write(result, "clean.tif")

Names are loaded when they are first used: importing this package loads neither torch nor Qt.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_hsi_restore.cube import Georeference as Georeference
    from napari_hsi_restore.cube import HyperCube as HyperCube
    from napari_hsi_restore.degradations import degrade as degrade
    from napari_hsi_restore.degradations import downscale as downscale
    from napari_hsi_restore.errors import UserError as UserError
    from napari_hsi_restore.io import read as read
    from napari_hsi_restore.io import write as write
    from napari_hsi_restore.io.spectral_library import SpectralLibrary as SpectralLibrary
    from napari_hsi_restore.io.spectral_library import read_library as read_library
    from napari_hsi_restore.metrics import Scores as Scores
    from napari_hsi_restore.metrics import compare_cubes as compare
    from napari_hsi_restore.noise import estimate_sigma as estimate_sigma
    from napari_hsi_restore.restore.recipe import DenoiseRecipe as DenoiseRecipe
    from napari_hsi_restore.restore.recommend import recommend as recommend
    from napari_hsi_restore.restore.superres_recipe import SuperresRecipe as SuperresRecipe
    from napari_hsi_restore.scene import demo_scene as demo_scene
    from napari_hsi_restore.verbs import convert as convert
    from napari_hsi_restore.verbs import denoise as denoise
    from napari_hsi_restore.verbs import info as info
    from napari_hsi_restore.verbs import noise_report as noise_report
    from napari_hsi_restore.verbs import superres as superres
    from napari_hsi_restore.verbs_learning import finetune as finetune
    from napari_hsi_restore.verbs_learning import search as search_model
    from napari_hsi_restore.zoo import list_models as list_models

    __version__: str

# `list_models` is the verb `models` and `search_model` the verb `search`: those words are
# subpackages, and a name cannot be both.
_HOMES = {
    "DenoiseRecipe": "restore.recipe:DenoiseRecipe",
    "Georeference": "cube:Georeference",
    "HyperCube": "cube:HyperCube",
    "Scores": "metrics:Scores",
    "SpectralLibrary": "io.spectral_library:SpectralLibrary",
    "SuperresRecipe": "restore.superres_recipe:SuperresRecipe",
    "UserError": "errors:UserError",
    "compare": "metrics:compare_cubes",
    "convert": "verbs:convert",
    "degrade": "degradations:degrade",
    "demo_scene": "scene:demo_scene",
    "denoise": "verbs:denoise",
    "downscale": "degradations:downscale",
    "estimate_sigma": "noise:estimate_sigma",
    "finetune": "verbs_learning:finetune",
    "info": "verbs:info",
    "noise_report": "verbs:noise_report",
    "recommend": "restore.recommend:recommend",
    "list_models": "zoo:list_models",
    "read": "io:read",
    "read_library": "io.spectral_library:read_library",
    "search_model": "verbs_learning:search",
    "superres": "verbs:superres",
    "write": "io:write",
}

__all__ = [
    "DenoiseRecipe",
    "Georeference",
    "HyperCube",
    "Scores",
    "SpectralLibrary",
    "SuperresRecipe",
    "UserError",
    "__version__",
    "compare",
    "convert",
    "degrade",
    "demo_scene",
    "denoise",
    "downscale",
    "estimate_sigma",
    "finetune",
    "info",
    "list_models",
    "noise_report",
    "read",
    "read_library",
    "recommend",
    "search_model",
    "superres",
    "write",
]

# Hidden from type checkers, which would else believe in every name.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        """The public name, loaded from its home now (PEP 562)."""
        if name == "__version__":
            from importlib.metadata import version

            return version("napari-hsi-restore")
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module, _, attribute = _HOMES[name].partition(":")
        value = getattr(importlib.import_module(f"{__name__}.{module}"), attribute)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        """The public names."""
        return sorted({*globals(), *__all__})
