"""What is found in a cube: the defects that are there, and none that are not."""

import json

import numpy as np
import pytest

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.degradations import add_dead_lines, add_stripes, degrade
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.noise import Known, NoiseReport, analyse
from napari_hsi_restore.noise.portion import finish
from napari_hsi_restore.restore.recommend import recommend
from napari_hsi_restore.scene import demo_scene


def report(cube):
    return finish(analyse(cube))


def advice(cube):
    return recommend(report(cube)).model


@pytest.fixture(scope="module")
def clean():
    return demo_scene(size=128)


@pytest.mark.parametrize("preset", [None, "gaussian-2", "gaussian-50", "poisson-100"])
def test_nothing_is_found_that_is_not_there(clean, preset):
    found = report(clean if preset is None else degrade(clean, preset, seed=1))
    assert found.stripes == ()
    assert found.dead_lines == {}
    assert found.impulse_fraction == 0.0
    assert found.bad_bands == {}
    assert found.missing_fraction == 0.0


def test_sigma_in_units_and_on_the_scale_of_white(clean):
    noisy = degrade(clean, "gaussian-50", seed=1)
    counts = noisy.replace(data=noisy.data * 4000, white_level=4000.0)
    found = report(counts)
    np.testing.assert_allclose(found.sigma_255, 50, rtol=0.05)
    np.testing.assert_allclose(found.sigma, 50 / 255 * 4000, rtol=0.05)
    assert found.typical_sigma_255 == pytest.approx(50, rel=0.03)
    assert 1 <= found.subspace_dimension <= 8
    signal = np.mean(np.square(clean.data), axis=(1, 2))
    expected = 10 * np.log10(signal / (50 / 255) ** 2)
    bright = expected > 0
    np.testing.assert_allclose(np.array(found.snr_db)[bright], expected[bright], atol=0.5)


def test_shot_noise_is_told_from_read_noise(clean):
    shot = report(degrade(clean, "poisson-100", seed=0))
    assert shot.shot_share > 0.8
    assert shot.photons_at_white == pytest.approx(100, rel=0.15)
    level = np.sqrt(clean.data.mean(axis=(1, 2)) / 100)
    assert np.median(np.abs(np.array(shot.sigma) / level - 1)) < 0.1
    read = report(degrade(clean, "gaussian-30", seed=0))
    assert read.shot_share == 0.0
    assert read.photons_at_white is None


@pytest.mark.parametrize("turned", [False, True])
def test_stripes_and_their_direction(clean, turned):
    noisy = degrade(clean, "gaussian-20", seed=0).data
    striped = add_stripes(noisy, [3, 12, 20], np.random.default_rng(0))
    data = striped.transpose(0, 2, 1) if turned else striped
    found = report(HyperCube(data, white_level=1.0))
    assert found.stripes == (3, 12, 20)
    assert found.stripe_direction == ("rows" if turned else "columns")
    assert found.stripe_strength > 0.5
    assert found.dead_lines == {}


@pytest.mark.parametrize("turned", [False, True])
def test_gains_are_told_from_shifts(clean, turned):
    rng = np.random.default_rng(0)
    gain = np.ones((31, 1, 128))
    gain[[4, 18], 0] += rng.normal(0, 0.03, (2, 128))
    data = degrade(clean, "gaussian-1", seed=0).data * gain
    data[10, :, ::9] += 0.05
    found = report(HyperCube(data.transpose(0, 2, 1) if turned else data, white_level=1.0))
    assert found.stripe_kinds == {4: "gain", 10: "shift", 18: "gain"}
    assert found.stripes == (4, 10, 18)
    assert (found.striped_by("shift"), found.striped_by("gain")) == ((10,), (4, 18))
    assert found.stripe_gain == pytest.approx(0.03, rel=0.2)
    lines = "rows" if turned else "columns"
    told = " ".join(found.findings)
    assert f"Stripes: shifted {lines} in band 10." in told
    assert f"Stripes: {lines} of another gain in 2 bands (4, 18), typically 3" in told
    assert found.defects_of(4) == ("stripes (gain)",)


@pytest.mark.parametrize("turned", [False, True])
def test_dead_lines_and_where(clean, turned):
    noisy = degrade(clean, "gaussian-20", seed=0).data
    dead = add_dead_lines(noisy, [5, 9], np.random.default_rng(0))
    data = dead.transpose(0, 2, 1) if turned else dead
    found = report(HyperCube(data, white_level=1.0))
    assert found.dead_line_direction == ("rows" if turned else "columns")
    assert set(found.dead_lines) == {5, 9}
    assert found.dead_lines[5] == tuple(np.flatnonzero((dead[5] == 0).all(axis=0)))
    assert found.stripes == ()


def test_a_single_dead_line_is_one(clean):
    data = degrade(clean, "gaussian-20", seed=0).data.copy()
    data[7, :, 3] = 0
    said = " ".join(report(HyperCube(data, white_level=1.0)).findings)
    assert "1 dead column in band 7." in said


def test_impulses_and_hot_pixels(clean):
    noisy = degrade(clean, "gaussian-10", seed=0).data.copy()
    rng = np.random.default_rng(0)
    noisy[4][rng.random(noisy.shape[1:]) < 0.2] = 1.0
    places = rng.integers(4, 124, (60, 2))
    noisy[20, places[:, 0], places[:, 1]] += 1.5
    found = report(HyperCube(noisy, white_level=1.0))
    assert found.impulse_bands == (4, 20)
    assert found.lone_fraction == pytest.approx(60 / 128**2 / 31, rel=0.1)
    assert recommend(found).model == "sparse"
    assert found.impulse_fraction == pytest.approx((0.2 + 60 / 128**2) / 31, rel=0.1)


@pytest.mark.parametrize("level", [60, 120])
def test_values_that_were_cut_off_at_zero_are_no_impulses(level):
    rng = np.random.default_rng(0)
    scene = demo_scene(size=64).array()
    counts = scene / scene.max() * 400 - level + rng.normal(0, 6, scene.shape)
    found = report(HyperCube(np.round(counts.clip(0)).astype(np.uint16)))
    assert (counts <= 0).mean() > 0.5
    assert found.impulse_fraction == 0.0


def test_what_is_filled_beside_edges_is_no_stripe():
    scene = demo_scene(size=160, bands=40, wavelength_range=(400, 1000)).array()
    rng = np.random.default_rng(0)
    noisy = scene / scene.max() + rng.normal(0, 3 / 255, scene.shape)
    struck = rng.random(noisy.shape[1:]) < 0.04
    noisy[30][struck] = rng.integers(0, 2, struck.sum())
    found = report(HyperCube(noisy.astype(np.float32), white_level=1.0))
    assert found.impulse_bands == (30,)
    assert found.stripes == ()


def test_noisier_bright_ground_is_no_impulse():
    rng = np.random.default_rng(0)
    scene = 0.02 * demo_scene(size=96, bands=40).array()
    sigma = np.full(scene.shape[1:], 2e-4)
    scene[:, 60:75, 60:75] += 0.1
    sigma[60:75, 60:75] = 2e-2
    found = report(HyperCube(scene + sigma * rng.standard_normal(scene.shape), white_level=1.0))
    assert found.impulse_fraction == 0.0


def test_stripes_among_few_photons_are_no_impulses(clean):
    rng = np.random.default_rng(0)
    counts = rng.poisson(4.0 + 0.0 * clean.data) / 20.0
    counts[4] = rng.poisson(1.5, counts.shape[1:]) / 20.0
    striped = add_stripes(counts, [4], rng)
    found = report(HyperCube(striped, white_level=1.0))
    assert found.stripes == (4,)
    assert found.impulse_fraction == 0.0


def test_bad_bands_and_why(clean):
    data = degrade(demo_scene(size=64, bands=30, wavelength_range=(1000, 2400)), "gaussian-2").data
    rng = np.random.default_rng(0)
    wavelengths = np.linspace(1000, 2400, 30)
    water = np.flatnonzero((wavelengths > 1350) & (wavelengths < 1450))
    data[water] = 0.01 * data[water] + rng.normal(0, 0.05, (len(water), 64, 64))
    data[3], data[5] = np.nan, 7.0
    data[14] = np.where(rng.random((64, 64)) < 0.9, data[14].max() + 1, data[14])
    data[25] = rng.normal(0.4, 0.1, (64, 64))
    good = np.ones(30, bool)
    good[0] = False
    found = report(HyperCube(data, wavelengths_nm=wavelengths, good_bands=good, white_level=1.0))
    assert found.bad_bands == {
        0: "marked in the file",
        3: "no values",
        5: "constant",
        **{int(band): "water" for band in water},
        14: "saturated",
        25: "noise only",
    }
    assert found.sigma[3] is None
    assert found.sigma[5] is None


def test_noise_is_right_beside_defects(clean):
    rng = np.random.default_rng(0)
    sigma = rng.choice([10, 30, 50, 70], 31)
    noisy = clean.data + rng.normal(size=clean.shape) * sigma[:, None, None] / 255
    noisy = add_dead_lines(noisy, range(0, 10), rng)
    for band in range(10, 20):
        noisy[band][rng.random(noisy.shape[1:]) < 0.6] = 0.0
    found = np.array(report(HyperCube(noisy, white_level=1.0)).sigma_255)
    assert np.median(np.abs(found / sigma - 1)) < 0.05
    assert np.abs(found / sigma - 1).max() < 0.25


@pytest.mark.parametrize(
    ("preset", "expected"),
    [
        ("gaussian-30", "refined"),
        ("poisson-100", "photon"),
        ("poisson-20", "photon"),
        ("stripe", "mended"),
        ("impulse", "fasthyin"),
        ("mixture", "mended"),
        ("deadline", "fasthyin"),
    ],
)
def test_the_advice_follows_from_what_is_found(clean, preset, expected):
    assert advice(degrade(clean, preset, seed=2)) == expected


def test_the_advice_for_noise_that_differs_much_between_many_bands(clean):
    found = report(degrade(clean, "gaussian-30", seed=0))
    many = np.linspace(0.001, 0.3, 90)
    assert recommend(found.model_copy(update={"sigma": tuple(many)})).model == "ngmeet"
    alike = tuple(0.1 + many / 2)
    assert recommend(found.model_copy(update={"sigma": alike})).model == "refined"
    assert recommend(found.model_copy(update={"sigma": tuple(many[::3])})).model == "refined"


def test_the_advice_does_not_deny_what_was_found(clean):
    found = report(degrade(clean, "gaussian-30", seed=0))
    plain = recommend(found).reason
    assert plain.startswith("Noise without stripes")
    lone = {"impulse_fraction": 2e-5, "lone_fraction": 2e-5, "impulse_bands": (3,)}
    told = recommend(found.model_copy(update=lone))
    assert (told.model, "without" in told.reason) == ("refined", False)
    assert told.reason.endswith("Very few single pixels that jump out are left.")
    weak = {"stripes": (4, 5), "stripe_direction": "rows", "stripe_strength": 0.26}
    told = recommend(found.model_copy(update={**weak, **lone}))
    assert told.reason.endswith(
        "Stripes far below the noise and very few single pixels that jump out are left."
    )
    stuck = {"impulse_fraction": 2e-5, "lone_fraction": 0.0, "impulse_bands": (3,)}
    assert recommend(found.model_copy(update=stuck)).model == "fasthyin"


def test_one_level_of_noise_is_said_once(clean):
    one = report(
        clean.replace(
            data=degrade(clean, "gaussian-30", seed=0).data[3:4], wavelengths_nm=None, fwhm_nm=None
        )
    )
    assert one.findings[0].count(f"{one.sigma_255[0]:.3g}") == 1


def test_hidden_pixels_are_to_be_filled(clean):
    assert recommend(report(degrade(clean, "gaussian-30")), fill=True).model == "fasthyin"


def test_what_is_mended_in_a_cube_with_shot_noise_keeps_to_it(clean):
    counts = degrade(clean, "poisson-100", seed=0)
    dead = counts.replace(data=add_dead_lines(counts.data, [4], np.random.default_rng(0)))
    found = recommend(report(dead))
    assert found.model == "mended"
    assert "of which grows with the signal" in found.reason
    assert recommend(report(counts), fill=True).model == "mended"


def test_the_report_is_stored_and_comes_back(clean):
    found = report(degrade(clean, "mixture", seed=0))
    again = NoiseReport.model_validate_json(found.model_dump_json())
    assert again == found
    assert json.loads(found.model_dump_json())["shape"] == [31, 128, 128]
    assert len(found.findings) > 3


def test_what_is_known_is_not_looked_for_again(clean, monkeypatch):
    known = Known()
    noisy = degrade(clean, "deadline", seed=0)
    first = finish(analyse(noisy, known))
    monkeypatch.setattr("napari_hsi_restore.noise.analysis.line_shifts", None)
    assert finish(analyse(noisy, known)) is first


@pytest.mark.parametrize("shape", [(31, 8, 8), (1, 40, 40), (2, 24, 20), (3, 1, 30), (200, 8, 8)])
@pytest.mark.parametrize("kind", ["float", "integer", "negative", "gaps"])
def test_odd_cubes_get_an_answer(shape, kind):
    rng = np.random.default_rng(0)
    data = rng.normal(100, 10, shape)
    if kind == "integer":
        data = data.astype(np.uint8)
    elif kind == "negative":
        data = data - 1000
    elif kind == "gaps":
        data[rng.random(shape) < 0.3] = np.nan
    cube = HyperCube(data)
    found = report(cube)
    sigma = np.array(found.sigma, float)
    assert np.isfinite(sigma).all()
    assert (sigma > 0).all()
    if data.size > 1000 and kind != "gaps":
        assert np.median(sigma) == pytest.approx(10, rel=0.25)
    assert (found.sigma_255[0] is None) == (kind == "negative")
    assert recommend(found).model
    assert found.findings[0].startswith("Noise of standard deviation")


def test_nothing_to_measure_is_said_in_a_sentence():
    for data in (np.ones((4, 8, 8)), np.full((4, 8, 8), np.nan)):
        with pytest.raises(UserError, match="no band has two different valid values"):
            report(HyperCube(data, name="flat"))
