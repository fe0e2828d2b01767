"""Voxel files that are not what the deck says: exit code 2, the line of the deck, and a message that names the file and the cure. In a batch a bad image is told and leaves
a row of nan, and the others are solved (exit code 3)."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import h5py
import numpy as np

from run_case import Checks, fresh_folder, run

checks = Checks()
DECK = """---
model: homogenize
case: cell
physics: elasticity
voxels: {file: cell.npy}
phase:
  - void: {value: 0}
  - solid: {value: 1, young: 1, poisson: 0.3}
"""
folder = fresh_folder()
bars = np.zeros((8, 8, 8), np.uint8)
bars[3:5, 3:5, :] = bars[3:5, :, 3:5] = bars[:, 3:5, 3:5] = 1
np.save(folder / "good.npy", bars)
np.save(folder / "seven.npy", np.where(bars, 7, 0).astype(np.uint8))
np.save(folder / "real.npy", bars * 0.5)
np.save(folder / "grey.npy", bars * 200 + 20)
np.save(folder / "flat.npy", bars[0])
np.save(folder / "many.npy", np.stack([bars] * 2))
(folder / "cell.raw").write_bytes(bars.tobytes())
(folder / "short.raw").write_bytes(bars.tobytes()[:-1])
(folder / "short.npy").write_bytes((folder / "good.npy").read_bytes()[:-100])
(folder / "empty.raw").write_bytes(b"")
(folder / "noise.npy").write_bytes(b"this is no array")
(folder / "noise.h5").write_bytes(b"this is no HDF5 file")
with h5py.File(folder / "cells.h5", "w") as f:
    f["phase"] = np.stack([bars, bars, np.where(bars, 7, 0)]).astype(np.uint8)
    f["one"] = bars
    f["text"] = "hello"
with open(folder / "cut.h5", "wb") as f:
    f.write((folder / "cells.h5").read_bytes()[:1500])
FILES = sorted(p.name for p in folder.iterdir())


def refused(title, file, patterns, extra=(), np_=1):
    leaves = [*FILES, "deck.deck"]
    (folder / "case.deck").unlink(missing_ok=True)
    result = run(DECK.replace("cell.npy", file), np=np_, cwd=folder, args=extra)
    patterns = [patterns] if isinstance(patterns, str) else patterns
    checks.refused(result, [r"case\.deck:5: ", *patterns], title, leaves=leaves)


# The file
refused("no such file", "none.npy", [r"none\.npy", r"No such file|cannot open"])
refused("a directory", ".", [r"\.: ", r"directory"])
refused("an empty file", "empty.raw", [r"empty\.raw: the file is empty"], ["-voxels_n", 8])
refused("no data set of that name", "cells.h5:/phse", [r"cells\.h5", r"phse", r"no|not"])
refused("a data set of text", "cells.h5:/text", [r"cells\.h5", r"text"])
refused("a file that is no HDF5", "noise.h5:/phase", [r"noise\.h5", r"HDF5"])
refused("a truncated HDF5 file", "cut.h5:/phase", [r"cut\.h5"])
refused("a file that is no npy", "noise.npy", [r"noise\.npy"])

# Its shape
refused("raw without dimensions", "cell.raw", [r"cell\.raw", r"\bn\b"])
refused("raw of another size", "cell.raw", [r"cell\.raw", r"512", r"729"], ["-voxels_n", 9])
refused("truncated raw", "short.raw", [r"short\.raw", r"511", r"512"], ["-voxels_n", 8])
refused("truncated npy", "short.npy", [r"short\.npy", r"truncated|bytes"])
refused("npy of other dimensions than the deck's", "good.npy", [r"good\.npy", r"8", r"16"], ["-voxels_n", 16])
refused("an array of two axes", "flat.npy", [r"flat\.npy", r"axes|dimension"])
refused("several images without a choice", "cells.h5:/phase", [r"holds 3 images: choose one with `voxels: \{cell: 0\}`, or take several with `batch: \{cells: all\}`"])
refused("an image beyond the last", "cells.h5:/phase", [r"cells\.h5", r"3"], ["-voxels_cell", 3])

# Its values
refused("a value that is no phase", "seven.npy", [r"value 7 \(80 voxels\), which no phase has: add a phase with `value: 7`, or make phases with `voxels: \{threshold"])
refused("a value that is no phase, on three ranks", "seven.npy", [r"value 7 \(80 voxels\)"], np_=3)
refused("numbers that are no phases", "real.npy", [r"real\.npy", r"0\.5"])
checks.refused(run(DECK.replace("cell.npy", "grey.npy"), np=1, cwd=folder, args=["-voxels_threshold", "5,3"]), r"-voxels_threshold: thresholds rise: 3 does not lie above 5", "thresholds that do not rise", leaves=FILES)

# What is right: thresholds, the other order of a raw file, a file beside the deck
good = run(DECK.replace("cell.npy", "good.npy"), np=2, cwd=folder, args=["-case", "good"])
checks.solved(good, "a good file")
for title, file, extra in (("thresholds", "grey.npy", ["-voxels_threshold", 100]), ("raw", "cell.raw", ["-voxels_n", 8]), ("one image of three", "cells.h5:/phase", ["-voxels_cell", 1])):
    same = run(DECK.replace("cell.npy", file), np=1, cwd=folder, args=["-case", "same", "-force", *extra])
    if checks.solved(same, title):
        checks.close(same.results["C11"], good.results["C11"], 1e-10, "  C11")
(folder / "deck.deck").write_text(DECK.replace("cell.npy", "good.npy"))
beside = run(folder / "deck.deck", np=1)
checks.solved(beside, "a file beside the deck, from another folder")

# Batches
cases = (("a batch beyond the last image", "cells.h5:/phase", "1:3", r"-batch_cells: `1:3`: there are cells 0 to 2"), ("a batch of nothing known", "cells.h5:/phase", "first", r"-batch_cells: `first` is neither `all`"), ("a pattern without files", "x_*.npy", "all", r"no file matches x_\*\.npy"))
for title, file, cells, pattern in cases:
    checks.refused(run(DECK.replace("cell.npy", file), np=1, cwd=folder, args=["-batch_cells", cells]), pattern, title, leaves=FILES)
batch = run(DECK.replace("cell.npy", "cells.h5:/phase"), np=2, cwd=folder, args=["-batch_cells", "all", "-case", "batch"])
checks.that(batch.exit == 3 and "cell 2: the image holds the value 7" in batch.err and batch.results.get("cells_failed") == 1, f"a batch with a bad image: exit {batch.exit}, told", batch)
table = folder / "out/batch/batch.csv"
if checks.that(table.is_file(), "  its table is there"):
    rows = np.genfromtxt(table, delimiter=",", names=True)
    checks.that(np.isnan(rows["C11"]).tolist() == [False, False, True], "  with a row of nan")
    checks.close(rows["C11"][0], good.results["C11"], 1e-10, "  C11 of the first")
checks.end()
