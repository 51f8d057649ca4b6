"""Damaged files against all readers: each case must end in a cube or in the one clear sentence.

``python -m benchmarks.fuzz [--cases 20000] [--first 0] [--only N]`` takes the real files of
../shared/data/formats and files of the formats that are missing there (written by this package),
damages a copy (flipped bytes, cut ends, added ends, lying headers and numbers), opens it, lists its
data sets, and reads one band and one spectrum. A case is its number: the same number is the same
damage. A process of its own reads; one that crashes or hangs is started anew.

It prints how often each of them ended how, the slowest and the largest case, and each case that
ended in something else than a cube or one sentence that names the file, took longer than 2 s, or
more than 500 MB. Its status is then 1. Seconds are processor time, which other programs do not
lengthen; a case that hangs is given up after 30 s by the clock. Memory is the peak of the process
above what it held before the case (Linux only).
"""

from __future__ import annotations

import argparse
import collections
import dataclasses
import json
import os
import random
import re
import selectors
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
import zipfile
from pathlib import Path

import numpy as np

MOST_S, MOST_MB = 2.0, 500.0
_HANGS_S = 30.0
FORMATS = Path(__file__).resolve().parents[2] / "shared" / "data" / "formats"

_LIES = ("0", "-1", "1", "2", "3", "7", "255", "65536", "99999999", "4294967296", "1e30", "nan")
_LIES += ("", "9" * 40, "1.5", "x", "-0", "{", "}")
_NUMBERS = (0, 1, 2, 0x7F, 0xFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 2**40, 2**63 - 1, 2**64 - 1)


@dataclasses.dataclass(frozen=True)
class Original:
    """Files that make one cube.

    Attributes
    ----------
    name : str
    folder : Path
        All of it belongs to the cube.
    opened : str
        Name of what is opened inside; empty for the folder itself.
    library : bool
        Whether it is a spectral library rather than a cube.
    """

    name: str
    folder: Path
    opened: str
    library: bool = False

    @property
    def files(self) -> list[Path]:
        """Relative paths of the files, sorted."""
        found = (path for path in self.folder.rglob("*") if path.is_file())
        return sorted(path.relative_to(self.folder) for path in found)


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a case ended: "cube", "sentence", or what should not be."""

    case: int
    what: str
    kind: str
    said: str
    seconds: float
    mb: float

    @property
    def is_bad(self) -> bool:
        """Whether it is none of the two endings, or beyond the limits."""
        ending = self.kind in ("cube", "sentence")
        return not ending or self.seconds > MOST_S or self.mb > MOST_MB


def originals(folder: Path) -> list[Original]:
    """The cubes to damage; those that are not real files are made in `folder`."""
    found = []
    if FORMATS.is_dir():
        for name, opened in (
            ("envi_aviris_ng", "ang20160910t185702_2rdn_img.hdr"),
            ("envi_corn_kernel", "corn-kernel-hyperspectral.hdr"),
            ("envi_fenix_core", "image.hdr"),
            ("envi_gamsberg", "cubus_gamsberg_subset.hdr"),
            ("hdf5_neon", "ex.h5"),
            ("matlab73_single_band", "trans_mean_camera_1.mat"),
        ):
            found.append(Original(name, FORMATS / name, opened))
        library = FORMATS / "envi_gamsberg"
        found.append(Original("library_envi", library, "gamsberg_field_library.hdr", True))
        found.append(Original("cave_png", FORMATS / "cave_png" / "balloons_ms", ""))
        found += _leica(folder)
    return found + _written(folder) + _others(folder) + _products(folder)


def _leica(folder: Path) -> list[Original]:
    target = folder / "leica"
    with zipfile.ZipFile(FORMATS / "tiff_leica_3dye" / "3dyeLeica.zip") as archive:
        names = [n for n in archive.namelist() if n.lower().endswith((".tif", ".tiff"))]
        archive.extractall(target, names)
    tiffs = sorted(target.rglob("*.tif*"))
    return [Original("tiff_leica", tiffs[0].parent, "")] if tiffs else []


def _written(folder: Path) -> list[Original]:
    from napari_hsi_restore.cube import Georeference, HyperCube
    from napari_hsi_restore.io import write

    values = np.random.default_rng(0).integers(0, 4000, (9, 20, 24)).astype(np.uint16)
    cube = HyperCube(
        values,
        wavelengths_nm=np.linspace(400, 800, 9),
        fwhm_nm=np.full(9, 10.0),
        good_bands=np.arange(9) != 4,
        units="reflectance",
        gain=1e-4,
        nodata=0.0,
        georeference=Georeference("EPSG:32633", (30.0, 0.0, 5e5, 0.0, -30.0, 6e6)),
    )
    found = []
    for suffix in (".hdr", ".tif", ".nc", ".npy", ".npz", ".mat", ".h5", ".zarr"):
        inside = folder / f"written_{suffix[1:]}"
        inside.mkdir(parents=True)
        write(cube, inside / f"cube{suffix}")
        found.append(Original(inside.name, inside, f"cube{suffix}"))
    return found


def _others(folder: Path) -> list[Original]:
    """What this package does not write: texts of free length in HDF5, tables of spectra."""
    import h5py

    inside = folder / "hdf5_texts"
    inside.mkdir(parents=True)
    with h5py.File(inside / "texts.h5", "w") as file:
        # Such texts lie in a heap, which the HDF5 library trusts too much.
        values = np.random.default_rng(0).integers(0, 4000, (6, 20, 24)).astype(np.uint16)
        file["scan/rfl"] = values
        for axis, name in enumerate(("wavelength", "y", "x")):
            file[name] = np.linspace(400.0, 800.0, values.shape[axis])
            file[name].make_scale(name)
            file[name].attrs["units"] = "nm" if axis == 0 else "m"
            file["scan/rfl"].dims[axis].attach_scale(file[name])
        for key in ("units", "long_name", "grid_mapping"):
            file["scan/rfl"].attrs[key] = f"{key} of the cube"
        file["scan/Map_Info"] = "UTM, 1, 1, 257000, 4112000, 1, 1, 11, North, WGS-84"
    table = folder / "library_table"
    table.mkdir()
    rows = "".join(f"{400 + 5 * i},{i / 90},{1 - i / 90}\n" for i in range(90))
    (table / "spectra.csv").write_text(f"wavelength (nm),soil,grass\n{rows}")
    text = folder / "library_ecostress"
    text.mkdir()
    rows = "".join(f"{0.4 + i / 200:.3f}\t{i / 2}\n" for i in range(90))
    (text / "rock.spectrum.txt").write_text(
        "Name: Basalt\nType: rock\nX Units: Wavelength (micrometers)\nY Units: Reflectance "
        f"(percentage)\nNumber of X Values: 90\nAdditional Information: none\n\n{rows}"
    )
    return [
        Original("hdf5_texts", inside, "texts.h5"),
        Original("library_table", table, "spectra.csv", True),
        Original("library_ecostress", text, "rock.spectrum.txt", True),
    ]


def _products(folder: Path) -> list[Original]:
    """Products of sensors as the tests build them."""
    sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))
    from make import products

    found = []
    for name, opened, make in (
        ("prisma", "PRS_L2D.he5", lambda inside: products.prisma(inside / "PRS_L2D.he5")),
        ("emit", "EMIT.nc", lambda inside: products.emit(inside / "EMIT.nc")),
        ("netcdf", "plain.nc", lambda inside: products.netcdf(inside / "plain.nc")),
        ("enmap", "", products.enmap),
        ("desis", "", products.desis),
        (
            "erdas_lan",
            "a.lan",
            lambda inside: products.erdas_lan(
                inside / "a.lan", np.arange(2000, dtype=np.int16).reshape(5, 20, 20)
            ),
        ),
    ):
        inside = folder / name
        inside.mkdir()
        make(inside)
        found.append(Original(name, inside, opened))
    return found


def damage(case: int, choices: list[Original], target: Path) -> tuple[str, Original]:
    """Write a damaged copy of one of the originals; return what it is and the copy."""
    rng = random.Random(case)
    original = rng.choice(choices)
    files = original.files
    texts = [
        path for path in files if path.suffix.lower() in (".hdr", ".json", ".txt", ".csv", ".xml")
    ]
    victim = rng.choice(texts) if texts and rng.random() < 0.7 else rng.choice(files)
    for path in files:
        if path != victim:
            (target / path).parent.mkdir(parents=True, exist_ok=True)
            (target / path).symlink_to(original.folder / path)
    content = bytearray((original.folder / victim).read_bytes())
    ways = [_flip, _flip_head, _cut, _extend, _number, _blank]
    if victim in texts:
        ways = [_lie, _lie, _lie, _drop_line, _cut, _flip]
    for way in rng.choices(ways, k=rng.choice((1, 1, 1, 2, 3))):
        content = way(content, rng)
    (target / victim).parent.mkdir(parents=True, exist_ok=True)
    (target / victim).write_bytes(content)
    return f"{original.name}/{victim}", dataclasses.replace(original, folder=target)


def _flip(content: bytearray, rng: random.Random) -> bytearray:
    for _ in range(rng.choice((1, 4, 16)) if content else 0):
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    return content


def _flip_head(content: bytearray, rng: random.Random) -> bytearray:
    for _ in range(rng.choice((1, 2, 8)) if content else 0):
        content[rng.randrange(min(2048, len(content)))] = rng.randrange(256)
    return content


def _cut(content: bytearray, rng: random.Random) -> bytearray:
    return content[: rng.choice((0, 1, 8, len(content) - 1, rng.randrange(len(content) + 1)))]


def _extend(content: bytearray, rng: random.Random) -> bytearray:
    return content + rng.randbytes(rng.choice((1, 100, 10000)))


def _number(content: bytearray, rng: random.Random) -> bytearray:
    length = rng.choice((1, 2, 4, 8))
    most = rng.choice((64, 512, 4096, len(content)))
    place = rng.randrange(max(1, min(most, len(content)) - length))
    value = rng.choice(_NUMBERS) % 2 ** (8 * length)
    content[place : place + length] = value.to_bytes(length, rng.choice(("little", "big")))
    return content


def _blank(content: bytearray, rng: random.Random) -> bytearray:
    start = rng.randrange(len(content) + 1)
    length = min(rng.choice((16, 512, 65536)), len(content) - start)
    content[start : start + length] = bytes([rng.choice((0, 255))]) * length
    return content


def _lie(content: bytearray, rng: random.Random) -> bytearray:
    text = content.decode("latin-1")
    head = list(re.finditer(r"-?\d+(\.\d+)?(e[-+]?\d+)?", text))
    if not head:
        return content
    # The first numbers are sizes and types, the others mostly wavelengths.
    found = rng.choice(head[:12] if rng.random() < 0.6 else head)
    text = text[: found.start()] + rng.choice(_LIES) + text[found.end() :]
    return bytearray(text.encode("latin-1"))


def _drop_line(content: bytearray, rng: random.Random) -> bytearray:
    lines = content.split(b"\n")
    del lines[rng.randrange(len(lines))]
    return bytearray(b"\n".join(lines))


def use(one: Original) -> tuple[str, str]:
    """Open a file as napari would; return how it ended and what was said."""
    from napari_hsi_restore.errors import UserError
    from napari_hsi_restore.io import read
    from napari_hsi_restore.io.choices import choices
    from napari_hsi_restore.io.spectral_library import read_library

    path = one.folder / one.opened
    try:
        if one.library:
            read_library(path)
            return "cube", ""
        choices(path)
        cube = read(path)
        bands, rows, columns = cube.shape
        np.asarray(cube.data[bands // 2])
        cube.spectrum(rows // 2, columns // 2)
    except UserError as error:
        said = str(error)
        clear = "\n" not in said and str(path.parent if path.is_file() else path) in said
        return ("sentence" if clear else "unclear"), said
    except Exception as error:  # the very thing that is looked for
        return type(error).__name__, str(error)
    return "cube", ""


def run_case(case: int, choices: list[Original], folder: Path) -> Outcome:
    """Damage, open, and measure."""
    target = folder / "case"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    what, copy = damage(case, choices, target)
    before = _reset_peak()
    start = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        kind, said = use(copy)
    seconds = time.process_time() - start
    return Outcome(
        case, what, kind, said.replace(str(target), "…")[:300], seconds, _peak() - before
    )


def _reset_peak() -> float:
    reset = Path("/proc/self/clear_refs")
    if not reset.exists():
        return 0.0
    reset.write_text("5")
    return _peak()


def _peak() -> float:
    status = Path("/proc/self/status")
    if not status.exists():
        return 0.0
    found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text())
    return int(found[1]) / 1000 if found else 0.0


def work(first: int, last: int) -> None:
    """Run cases in this process and print their outcomes, a line each."""
    import resource

    # A lying header must not take the memory of the whole machine.
    resource.setrlimit(resource.RLIMIT_DATA, (3 * 2**30, 3 * 2**30))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        choices = originals(folder)
        for one in choices:
            kind, said = use(one)
            if kind != "cube":
                raise SystemExit(f"{one.name}: {said}")
        for case in range(first, last):
            print(json.dumps({"begun": case}), flush=True)
            print(json.dumps(dataclasses.asdict(run_case(case, choices, folder))), flush=True)


def outcomes(first: int, last: int) -> list[Outcome]:
    """Run cases in a process of their own, started anew after a crash or a hang."""
    done: list[Outcome] = []
    while first < last:
        command = [sys.executable, "-m", "benchmarks.fuzz", "--work", str(first), str(last)]
        begun = first
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0
        ) as process:
            assert process.stdout is not None
            waiting = selectors.DefaultSelector()
            waiting.register(process.stdout, selectors.EVENT_READ)
            text, patience = b"", 10 * _HANGS_S
            while waiting.select(patience) and (more := os.read(process.stdout.fileno(), 65536)):
                patience = _HANGS_S
                *lines, text = (text + more).split(b"\n")
                for line in lines:
                    said = json.loads(line)
                    if "begun" in said:
                        begun = said["begun"]
                    else:
                        done.append(Outcome(**said))
            hangs = False
            try:
                status = process.wait(1)
            except subprocess.TimeoutExpired:
                hangs = True
                process.kill()
                status = process.wait()
        if status == 0 and not hangs:
            break
        kind = "hangs" if hangs else f"crash {status}"
        done.append(Outcome(begun, "?", kind, "", _HANGS_S if hangs else 0.0, 0.0))
        first = begun + 1
    return done


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--only", type=int, help="one case in this process, for a debugger")
    parser.add_argument("--work", type=int, nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        work(*options.work)
        return 0
    if options.only is not None:
        with tempfile.TemporaryDirectory() as name:
            print(run_case(options.only, originals(Path(name)), Path(name)))
        return 0
    found = outcomes(options.first, options.first + options.cases)
    report(found)
    return int(any(one.is_bad for one in found))


def report(found: list[Outcome]) -> None:
    """Print what came out, in Markdown."""
    table = collections.defaultdict(collections.Counter)
    for one in found:
        table[one.what.partition("/")[0]][one.kind] += 1
    print("| original | cases | cube | one sentence | else |\n|---|---:|---:|---:|---:|")
    for name, counts in sorted(table.items()):
        rest = counts.total() - counts["cube"] - counts["sentence"]
        print(f"| {name} | {counts.total()} | {counts['cube']} | {counts['sentence']} | {rest} |")
    slowest, largest = (max(found, key=lambda o, n=n: getattr(o, n)) for n in ("seconds", "mb"))
    print(
        f"\n{len(found)} cases; slowest {slowest.seconds:.2f} s (case {slowest.case}, "
        f"{slowest.what}); most memory {largest.mb:.0f} MB (case {largest.case}, {largest.what})."
    )
    for one in found:
        if one.is_bad:
            print(
                f"case {one.case}: {one.what}: {one.kind}, {one.seconds:.2f} s, {one.mb:.0f} MB: "
                f"{one.said}"
            )


if __name__ == "__main__":
    sys.exit(main())
