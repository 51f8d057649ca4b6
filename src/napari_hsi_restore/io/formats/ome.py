"""What OME-XML, the description of microscopes' TIFF files, says about the channels.

Source: OME Data Model, schema 2016-06 (Channel: EmissionWavelength, Name).
"""

from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np

from napari_hsi_restore.cube import FloatArray
from napari_hsi_restore.io.wavelengths import from_names, to_nm


def wavelengths(xml: str, bands: int) -> tuple[FloatArray | None, tuple[str, ...]]:
    """Wavelengths of the channels, from their emission or else from their names.

    Parameters
    ----------
    xml : str
        Any text; one that is no OME-XML says nothing.
    bands : int

    Returns
    -------
    wavelengths_nm : float64 ndarray, (bands,), or None
    notes : tuple of str
        Where they come from, for the history.
    """
    if "<OME" not in xml[:5000]:
        return None, ()
    try:
        root = ET.fromstring(xml)
    except ET.ParseError:
        return None, ()
    image = next((item for item in root.iter() if item.tag.endswith("}Image")), root)
    channels = [item for item in image.iter() if item.tag.endswith("}Channel")]
    if len(channels) != bands:
        return None, ()
    emission = [channel.get("EmissionWavelength", "") for channel in channels]
    try:
        values = np.array([float(text) for text in emission])
        unit: str = channels[0].get("EmissionWavelengthUnit", "nm")
        said = "Took the wavelengths from the emission of the channels."
    except ValueError:
        named = from_names([channel.get("Name", "") for channel in channels])
        if named is None:
            return None, ()
        values, unit = named
        said = "Took the wavelengths from the names of the channels."
    centres, _, note = to_nm(values, None, unit)
    return centres, (said, *([note] if note else []))
