"""Spectral libraries as their makers write them."""

from __future__ import annotations

import numpy as np
import pytest

from napari_hsi_restore.errors import UserError
from napari_hsi_restore.io import read
from napari_hsi_restore.io.spectral_library import read_library

NM = np.linspace(400, 800, 5)
SPECTRA = np.arange(15.0).reshape(3, 5) / 20


def envi_library(folder, header="minerals.hdr", data="minerals.sli", **changed):
    SPECTRA.astype("<f4").tofile(folder / data)
    fields = {
        "samples": "5",
        "lines": "3",
        "bands": "1",
        "file type": "ENVI Spectral Library",
        "data type": "4",
        "interleave": "bsq",
        "byte order": "0",
        "wavelength units": "Micrometers",
        "spectra names": "{ kaolinite,\n quartz, mica }",
        "wavelength": "{" + ", ".join(str(v / 1000) for v in NM) + "}",
    }
    fields |= {key.replace("_", " "): value for key, value in changed.items()}
    lines = "\n".join(f"{key} = {value}" for key, value in fields.items() if value)
    (folder / header).write_text(f"ENVI\n{lines}\n")
    return folder / header


@pytest.mark.parametrize("names", [("minerals.hdr", "minerals.sli"), ("a.sli.hdr", "a.sli")])
def test_envi(tmp_path, names):
    header = envi_library(tmp_path, *names)
    for path in (header, tmp_path / names[1]):
        library = read_library(path)
        assert library.names == ("kaolinite", "quartz", "mica")
        np.testing.assert_allclose(library.wavelengths_nm, NM)
        np.testing.assert_allclose(library.spectra, SPECTRA, rtol=1e-6)
        assert (library.source, library.units, library.notes) == (str(path), "", ())
        with pytest.raises(UserError, match="spectral library"):
            read(path)


def test_envi_written_by_spectral_python(tmp_path):
    spectral = pytest.importorskip("spectral")
    header = {"spectra names": ["a", "b", "c"], "wavelength": list(NM), "wavelength units": "nm"}
    spectral.envi.SpectralLibrary(SPECTRA, header).save(str(tmp_path / "lib"))
    library = read_library(tmp_path / "lib.sli")
    assert library.names == ("a", "b", "c")
    np.testing.assert_allclose(library.spectra, SPECTRA, rtol=1e-6)
    np.testing.assert_allclose(library.wavelengths_nm, NM)


def test_envi_scale_missing_values_and_names(tmp_path):
    header = envi_library(
        tmp_path, reflectance_scale_factor="2", data_ignore_value="0", spectra_names=""
    )
    library = read_library(header)
    assert np.isnan(library.spectra[0, 0])
    assert library.spectra[2, 4] == pytest.approx(SPECTRA[2, 4] / 2)
    assert library.units == "reflectance"
    assert library.names == ("spectrum 1", "spectrum 2", "spectrum 3")


def test_the_real_library(shared_data):
    folder = shared_data / "formats" / "envi_gamsberg"
    library = read_library(folder / "gamsberg_field_library.hdr")
    assert library.spectra.shape == (27, 2151)
    assert library.names[0] == "16_03_12_2_C1_mica_shist"
    assert (library.wavelengths_nm[0], library.wavelengths_nm[-1]) == (350.0, 2500.0)
    assert 0 <= library.spectra.min() < library.spectra.max() < 0.6
    with pytest.raises(UserError, match="open it as a cube"):
        read_library(folder / "cubus_gamsberg_subset.hdr")


ECOSTRESS = """\
Name: Kaolinite, well crystallized
Type: Mineral
Class: Silicate
Particle Size: Fine
Measurement: Directional (10 Degree) Hemispherical Reflectance
First Column: X
Second Column: Y
X Units: Wavelength (micrometers)
Y Units: Reflectance (percentage)
First X Value: 0.8
Last X Value: 0.4
Number of X Values: 3
Additional Information: none

0.8\t60.5
 0.6  30.25
0.4 10
"""


def test_ecostress(tmp_path):
    path = tmp_path / "mineral.silicate.none.fine.vswir.spectrum.txt"
    path.write_text(ECOSTRESS)
    library = read_library(path)
    assert library.names == ("Kaolinite, well crystallized",)
    np.testing.assert_allclose(library.wavelengths_nm, [400, 600, 800])
    np.testing.assert_allclose(library.spectra, [[0.1, 0.3025, 0.605]])
    assert library.units == "reflectance"
    assert library.notes == ("Divided the percent of the file by 100.",)
    with pytest.raises(UserError, match="spectral library and no picture"):
        read(path)
    path.write_text(ECOSTRESS.replace("Values: 3", "Values: 4"))
    with pytest.raises(UserError, match=r"spectrum\.txt: it promises 4 values and has 3"):
        read_library(path)


@pytest.mark.parametrize(
    ("text", "noted"),
    [
        ("wavelength (nm),grass,soil\n600,3,4\n400,1,\n", False),
        ("grass;Wavelength_um;fwhm;soil\n3,0;0,6;0,01;4\n1;0,4;0,01;NaN\n", False),
        ("# a comment\nwavelength\tgrass\tsoil\n600\t3\t4\n400\t1\t-1.23e34\n", True),
    ],
)
def test_tables(tmp_path, text, noted):
    (tmp_path / "table.csv").write_text(text, encoding="utf-8")
    library = read_library(tmp_path / "table.csv")
    assert library.names == ("grass", "soil")
    np.testing.assert_allclose(library.wavelengths_nm, [400, 600])
    np.testing.assert_array_equal(library.spectra, [[1, 3], [np.nan, 4]])
    assert bool(library.notes) == noted


def test_a_table_without_titles(tmp_path):
    (tmp_path / "asd.txt").write_text("350 0.1 0.2\n351 0.3 0.4\n")
    library = read_library(tmp_path / "asd.txt")
    assert library.names == ("spectrum 1", "spectrum 2")
    np.testing.assert_array_equal(library.spectra, [[0.1, 0.3], [0.2, 0.4]])


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "empty"),
        ("band,grass\n1,2\n", "no column is called 'wavelength'"),
        ("wavelength,grass\n500,green\n", "'green' in the column 'grass'"),
        ("wavelength,grass\n-5,1\n", "positive"),
        ("wavelength\n500\n", "no spectra"),
        ("a\0b", "no spectral library"),
        (ECOSTRESS.partition("\n\n")[0], "no values follow"),
    ],
)
def test_what_is_no_library(tmp_path, text, word):
    (tmp_path / "x.csv").write_text(text)
    with pytest.raises(UserError, match=word) as caught:
        read_library(tmp_path / "x.csv")
    assert str(caught.value).startswith(str(tmp_path / "x.csv"))


def test_wrong_envi_libraries(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        read_library(tmp_path / "nowhere.sli")
    with pytest.raises(UserError, match="4 wavelengths for spectra of 5"):
        read_library(envi_library(tmp_path, wavelength="{1, 2, 3, 4}"))
    with pytest.raises(UserError, match="no wavelengths"):
        read_library(envi_library(tmp_path, wavelength=""))
    with pytest.raises(UserError, match="cut short"):
        read_library(envi_library(tmp_path, lines="4"))
