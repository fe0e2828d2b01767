# timeout: 600
"""Data sets of generated cells: faces, symmetry, connectivity and volume fractions from the file; labels within the bounds, equal to those of `model: homogenize`
and of the whole cell; the same cells on 1, 2 and 3 ranks and after SIGTERM, -restart on another number of ranks and with more cells."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import csv
import os
import signal
import subprocess

import h5py
import numpy as np
from run_case import DEBUG, SOURCE, Checks, run, start
from sna_file import SnaFile

N = 16
DECK = (SOURCE / "inputs" / "microstructure" / "cells.deck").read_text()
PHYSICS = ["-label_physics", "elasticity,conductivity,permeability"]
SMALL = ["-generator_n", N, "-generator_cells", 4 if DEBUG else 12, "-generator_fraction", "0.3,0.6"]
checks = Checks()


def cells_of(done):
    with SnaFile(done.h5) as file:
        cells = file.cells
        return np.array([cells.octant(i) for i in range(len(cells))]), cells.columns


def spread(seeds, phase):
    """All voxels of `phase` that hang together with the seed by faces, in a periodic cell."""
    reached = seeds & phase
    while True:
        grown = reached.copy()
        for axis in range(3):
            grown |= np.roll(reached, 1, axis) | np.roll(reached, -1, axis)
        grown &= phase
        if (grown == reached).all():
            return reached
        reached = grown


# ---- Cells ----
mask = {n: np.abs(np.subtract.outer(np.arange(n), np.arange(n))) < 0.22 * n for n in (N, 32)}
sets = {}
for family in ("bicontinuous", "schwarz_p", "iwp", "frd", "neovius"):
    for orthotropic in ("false", "true") if family == "bicontinuous" else ("false",):
        n = 32 if family == "bicontinuous" and not DEBUG else N
        done = run(DECK, args=["-label_physics=", "-generator_n", n, "-generator_cells", 8, "-generator_family", family, "-generator_orthotropic", orthotropic])
        title = f"{family}{' orthotropic' if orthotropic == 'true' else ''}"
        if not checks.solved(done, title):
            continue
        octants, columns = cells_of(done)
        sets[title] = octants
        checks.that(octants.shape == (8, n, n, n) and set(np.unique(octants)) == {0, 1}, f"  8 octants of {n}^3 zeros and ones")
        checks.that(all((octants.take(0, axis) == mask[n]).all() for axis in (1, 2, 3)), "  all faces are the X")
        checks.that(done.results["face_patterns"] == 1, "  the program says so too")
        fraction = octants.mean(axis=(1, 2, 3))
        checks.below(abs(fraction - columns["fraction_target"]).max() * n**3, 1.5, "  volume fraction, voxels of the octant off the target")
        checks.that((fraction == columns["volume_fraction"]).all() and fraction.min() >= 0.249 and fraction.max() <= 0.651, "  and it is the column's, in the interval")
        checks.close(done.results["fraction_error_max"], abs(fraction - columns["fraction_target"]).max(), 1e-9, "  result fraction_error_max")
        permuted = all((octants == octants.transpose(0, *p)).all() for p in ((1, 3, 2), (2, 1, 3), (3, 2, 1)))
        checks.that(permuted == (orthotropic == "false"), f"  axes may be exchanged: {permuted}")
        connected = True
        for octant in octants[:3]:
            cell = np.pad(octant, (0, n), mode="symmetric")
            for phase in (cell == 1, cell == 0):
                first = np.zeros(cell.shape, bool)
                first[tuple(np.argwhere(phase)[0])] = True
                connected &= bool((spread(first, phase) == phase).all()) and all(phase.any(axis=tuple({0, 1, 2} - {a})).all() for a in range(3))
        checks.that(connected, "  solid and pores hang together and reach through the cell")
        checks.that(len({o.tobytes() for o in octants}) == 8, "  no cell twice")
checks.that(len(sets) == 6 and not (sets["iwp"] == sets["frd"]).all(), "families differ")

# ---- Labels: bounds of homogenisation.md 5.0 with E = 1, nu = 0.3 ----
labelled = run(DECK, args=[*SMALL, *PHYSICS, "-case", "labelled", "-fft_effort", "estimate"])
if not checks.solved(labelled, "labels"):
    checks.end()
octants, c = cells_of(labelled)
result = labelled.h5
phi = c["volume_fraction"]
K, G = 1 / 1.2, 1 / 2.6
checks.that((c["converged"] == 1).all() and labelled.results["not_converged"] == 0, "all converge")
checks.that((c["C11"] > 0).all() and (c["C44"] > 0).all() and (c["permeability"] > 0).all() and (c["sigma11"] > 0).all(), "all properties are positive")
bulk, shear = (c["C11"] + 2 * c["C12"]) / 3, (c["C11"] - c["C12"] + 3 * c["C44"]) / 5
checks.that((bulk < 4 * G * K * phi / (4 * G + 3 * K * (1 - phi))).all(), "bulk moduli below Hashin and Shtrikman's bound")
checks.that((shear < G * phi / (1 + (1 - phi) * 6 * (K + 2 * G) / (9 * K + 8 * G))).all(), "Voigt averages of the shear moduli below theirs")
checks.that((c["sigma11"] < 2 * phi / (3 - phi)).all(), "conductivities below theirs")
checks.that((c["k11_wall"] < c["k11_nowall"]).all() and np.allclose(c["permeability"], (c["k11_wall"] + c["k11_nowall"]) / 2, rtol=1e-12), "permeability: mean of the bracket")
for name, column in (("C11", "C11"), ("C44", "C44"), ("permeability", "permeability")):
    checks.that(np.isclose(labelled.results[f"{name}_min"], c[column].min(), rtol=1e-10) and np.isclose(labelled.results[f"{name}_max"], c[column].max(), rtol=1e-10), f"result {name}_min, _max")
table = list(csv.DictReader(open(result.with_suffix(".csv"))))
checks.that(len(table) == len(phi) and all(np.array_equal(np.array([float(row[k]) for row in table]), v, equal_nan=True) for k, v in c.items()), "the CSV table holds the same")
with h5py.File(result) as f:
    checks.that(f["cells/properties"].shape[1] == 23 and len(f["cells/properties"].attrs["columns"].decode().split(",")) == 23, "23 properties")
    checks.that("symmetry" in f["cells/properties"].attrs["note"].decode(), "the note says where the zeros come from")

# ---- The same numbers by the other model, from the mirrored image ----
cell = np.pad(octants[0], (0, N), mode="symmetric")
np.save(labelled.cwd / "cell.npy", np.ascontiguousarray(cell.transpose(2, 1, 0)))
other = """---
model: homogenize
case: other
physics: [elasticity, conductivity, permeability]
voxels: {file: cell.npy}
phase:
  - pore: {value: 0, flow: fluid}
  - solid: {value: 1, young: 1, poisson: 0.3, conductivity: 1, flow: solid}
homogenize: {rtol: [1e-6, 1e-6, 1e-5], symmetry: none}
"""
whole = run(other, cwd=labelled.cwd, deck_name="other.deck", args=["-output_dir", "whole"])
if checks.solved(whole, "model: homogenize of the whole cell"):
    for name, column, rtol in (("C11", "C11", 1e-6), ("C12", "C12", 1e-6), ("C44", "C44", 1e-6), ("sigma11", "sigma11", 1e-6), ("k11_wall", "k11_wall", 1e-4), ("k11_nowall", "k11_nowall", 1e-4)):
        checks.close(c[column][0], whole.results[name], rtol, f"  {name}", whole)

full = run(DECK, args=["-generator_n", N, "-generator_cells", 2, "-generator_fraction", "0.3,0.6", "-label_full", "true", "-label_rtol", "1e-6", "-case", "full"])
if checks.solved(full, "full: all loads on the whole cell"):
    _, d = cells_of(full)
    for column in ("C11", "C12", "C44"):
        checks.below(abs(d[column] / c[column][:2] - 1).max(), 1e-6, f"  {column} of octant and whole cell")
    checks.below(abs(d["permeability"] / c["permeability"][:2] - 1).max(), 1e-4, "  permeability")
    checks.that(full.results["zeros_max"] < 1e-8 and full.results["triples_max"] < 1e-6, f"  zeros {full.results['zeros_max']:.1e} and triples {full.results['triples_max']:.1e} are computed")

ortho = run(DECK, args=["-generator_n", N, "-generator_cells", 3, "-generator_orthotropic", "true", "-label_physics", "elasticity", "-case", "ortho"])
if checks.solved(ortho, "orthotropic labels"):
    _, d = cells_of(ortho)
    checks.that((abs(d["C11"] / d["C22"] - 1) > 1e-3).any() and (abs(d["C44"] / d["C66"] - 1) > 1e-3).any(), "  C11, C22 and C44, C66 differ")

# ---- Ranks, interruption, more cells ----
def same(done, title, rtol=1e-10):
    o, d = cells_of(done)
    checks.that(o.shape == octants.shape and (o == octants).all(), f"{title}: the same octants")
    worst = max(np.max(np.abs(d[k] - v) / np.maximum(np.abs(v), 1e-300), where=np.isfinite(v) & (v != 0), initial=0) for k, v in c.items() if not k.startswith(("error", "zeros", "triples")))
    checks.below(worst, rtol, f"{title}: largest relative difference of a column")


for ranks in (1, 3):
    done = run(DECK, np=ranks, args=[*SMALL, *PHYSICS, "-fft_effort", "estimate"])
    if checks.solved(done, f"{ranks} ranks"):
        same(done, f"{ranks} ranks")
for ranks in (1, 3):
    stopped = start(DECK, args=[*SMALL, *PHYSICS, "-fft_effort", "estimate", "-generator_cells", 60])
    checks.that(stopped.wait_for(r"^cells "), "a progress line")
    for pid in stopped.pids():
        os.kill(pid, signal.SIGTERM)
    stopped.wait()
    if not checks.that(stopped.exit == 4 and stopped.restart is not None, f"SIGTERM: exit {stopped.exit}, restart file", stopped):
        continue
    with h5py.File(stopped.restart) as f:
        finished = int((f["cells/state"][:] == 1).sum())
    checks.that(0 < finished < 60, f"  {finished} of 60 cells are in it")
    more = run(DECK, np=ranks, cwd=stopped.cwd, args=[*SMALL, *PHYSICS, "-fft_effort", "estimate", "-generator_cells", 60, "-restart", stopped.restart.relative_to(stopped.cwd)])
    if checks.solved(more, f"  -restart on {ranks} ranks"):
        o, d = cells_of(more)
        count = len(phi)
        checks.that(len(o) == 60 and (o[:count] == octants).all(), "  all 60 cells, the first as before")
        checks.below(abs(d["C11"][:count] / c["C11"] - 1).max(), 1e-10, "  with the same labels")
        checks.that(more.results["cells"] == 60, "  result cells")
    if DEBUG:
        break

# ---- Cells that cannot be made are told ----
given_up = run(DECK, args=["-label_physics=", "-generator_n", N, "-generator_cells", 12, "-generator_attempts", 1, "-case", "given_up"])
made = int(given_up.results.get("cells", -1))
checks.that(given_up.exit == 3 and 0 < made < 12 and "could not be made" in given_up.err and "attempts" in given_up.err, f"one attempt per cell: exit {given_up.exit}, {made} of 12 made, told", given_up)
if given_up.h5:
    with h5py.File(given_up.h5) as f:
        checks.that((np.bincount(f["cells/state"][:], minlength=3) == [0, made, 12 - made]).all(), "  and marked in the file")

# ---- The data set is a batch of `model: homogenize` ----
VOXELS = (SOURCE / "inputs" / "homogenize" / "voxels.deck").read_text()
batch = run(VOXELS, args=["-voxels_file", f"{result.resolve()}:/cells/octant", "-voxels_mirror", "-batch_cells", "0,2", "-physics", "elasticity", "-case", "again"])
if checks.solved(batch, "octants of the data set as a batch"):
    with open(batch.cwd / "out" / "again" / "again.csv") as f:
        rows = list(csv.DictReader(f))
    with SnaFile(result) as f:
        labels = f.cells.columns["C11"]
    for i, cell in enumerate((0, 2)):
        checks.below(abs(float(rows[i]["C11"]) / labels[cell] - 1), 1e-6, f"  C11 of cell {cell} is its label")

# ---- The picture ----
script = [sys.executable, "-B", str(SOURCE / "postproc" / "plot_cells.py")]
p = subprocess.run([*script, str(result), "-n", "3", "-p", "80"], capture_output=True, text=True)
pictures = [result.with_name(f"labelled_{name}.png") for name in ("cells", "coverage")]
checks.that(p.returncode == 0 and all(path.exists() and path.stat().st_size > 5000 for path in pictures), f"plot_cells.py draws cells and coverage {p.stderr.strip()[-200:]}")
p = subprocess.run([*script, str(result), "-c", "1000"], capture_output=True, text=True)
checks.that(p.returncode == 2 and "numbered 0 to" in p.stderr and "Traceback" not in p.stderr, f"a cell that is not there: {p.stderr.strip()[-90:]}")
checks.end()
