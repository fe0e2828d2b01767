# timeout: 300
"""A beam of generated cells: table, choice of candidates, deflection against a finite element beam in numpy, cells and row against solves of their images alone; the
same numbers on 1 to 3 ranks, with two ranks per cell, and after a stop; the plot."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import csv
import os
import re
import signal
import subprocess

import h5py
import numpy as np
from run_case import DEBUG, SOURCE, Checks, run, start
from sna_file import SnaFile

checks = Checks()
DECK = (SOURCE / "inputs" / "homogenize" / "beam.deck").read_text()
CELLS, N, CANDIDATES = 6, 8, 3
SMALL = ["-beam_cells", CELLS, "-beam_n", N, "-beam_candidates", CANDIDATES, "-homogenize_rtol", 1e-6, "-fft_effort", "estimate"]
TERMS = [("C11", 0, 0), ("C12", 0, 1), ("C13", 0, 2), ("C22", 1, 1), ("C23", 1, 2), ("C33", 2, 2), ("C44", 3, 3), ("C55", 4, 4), ("C66", 5, 5)]


def tip(modulus, edge):
    """Bending of a cantilever of Euler and Bernoulli's elements under a force of 1 at its tip."""
    n = modulus.size
    K = np.zeros((2 * n + 2, 2 * n + 2))
    a = edge
    for i, E in enumerate(modulus):
        k = np.array([[12, 6 * a, -12, 6 * a], [6 * a, 4 * a * a, -6 * a, 2 * a * a], [-12, -6 * a, 12, -6 * a], [6 * a, 2 * a * a, -6 * a, 4 * a * a]])
        K[2 * i : 2 * i + 4, 2 * i : 2 * i + 4] += E * a**4 / 12 / a**3 * k
    force = np.zeros(2 * n)
    force[-2] = 1
    return np.linalg.solve(K[2:, 2:], force)[-2]


def broken(done):
    return re.search(r"\b(nan|inf)\b|PETSC ERROR", done.out + done.err)


def table_of(done):
    with SnaFile(done.h5) as file:
        return file.beam


# ---- One run, all its numbers ----
done = run(DECK, args=[*SMALL, "-beam_one_grid"])
if not checks.solved(done, "a beam of 6 cells, with its grid"):
    checks.end()
with SnaFile(done.h5) as file:
    beam, phase = file.beam, file.grids["beam"].values("phase")
with h5py.File(done.h5) as raw:
    rows = dict(zip(str(raw["cells"].attrs.get("columns").decode()).split(","), raw["cells"][:].T))
result, h5 = done.results, done.h5
x = (np.arange(CELLS) + 0.5) / CELLS
phi = 0.65 - 0.4 * x
checks.that(np.allclose(beam["x"], x, rtol=0, atol=1e-15) and np.allclose(beam["fraction"], phi, rtol=0, atol=1e-15), "places and volume fractions are linear from root to tip")
checks.that(phase.shape == (2 * N, 2 * N, CELLS * 2 * N), f"the image of the row {phase.shape}")
cells = phase.reshape(2 * N, 2 * N, CELLS, 2 * N).transpose(2, 0, 1, 3)
checks.that(all((c == np.flip(c, a)).all() for c in cells for a in range(3)), "cells are their own mirror images")
checks.that(all((cells.take(0, a) == cells[0].take(0, a - 1)).all() for a in (1, 2, 3)), "all faces are the same")
fraction = cells.mean(axis=(1, 2, 3))
checks.that((fraction == beam["volume_fraction"]).all() and abs(fraction - phi).max() <= 1.5 / N**3, "volume fractions of the image are those of the table, within a voxel of the octant")
checks.close(result["volume_fraction"], fraction.mean(), 1e-12, "result volume_fraction")

p = np.log(7) / np.log(2.6)
law = np.repeat(phi, CANDIDATES) ** p
factor = (rows["C11"] * law).sum() / (law**2).sum()
checks.close(result["beam_target_factor"], factor, 1e-12, "least-squares factor of the target")
checks.close(result["beam_target_exponent"], p, 1e-12, "its exponent")
checks.that(np.allclose(beam["target"], factor * phi**p, rtol=1e-12, atol=0), "target of each cell")
offered = rows["C11"].reshape(CELLS, CANDIDATES)
nearest = abs(offered / beam["target"][:, None] - 1).argmin(axis=1)
checks.that((nearest == beam["candidate"]).all() and (offered[range(CELLS), nearest] == beam["C11"]).all() and len(set(nearest)) > 1, f"the nearest candidates are taken: {nearest}")

stiffness = np.zeros((CELLS, 6, 6))
for name, i, j in TERMS:
    stiffness[:, i, j] = stiffness[:, j, i] = beam[name]
checks.that(np.allclose(beam["E1"], 1 / np.linalg.inv(stiffness)[:, 0, 0], rtol=1e-12, atol=0) and (beam["G"] == beam["C55"]).all(), "E1 = 1/S11, G = C55")
error = beam["C11"] / beam["target"] - 1
checks.that(np.allclose(beam["error"], error, rtol=0, atol=1e-14), "local errors")
checks.close(result["beam_local_error_max"], abs(error).max(), 1e-12, "largest local error")
checks.close(result["beam_local_error_rms"], np.sqrt((error**2).mean()), 1e-12, "local error, root of mean square")
checks.close(result["beam_tip_bending"], tip(beam["E1"], 1), 1e-9, "bending with E1, by finite elements")
checks.close(result["beam_tip"], tip(beam["E1"], 1) + (1.2 / beam["G"]).sum(), 1e-9, "and with shear")
checks.close(result["beam_tip_C11"], tip(beam["C11"], 1), 1e-9, "bending with C11")
checks.close(result["beam_tip_target"], tip(beam["target"], 1), 1e-9, "bending of the target")
checks.close(result["beam_tip_error"], tip(beam["C11"], 1) / tip(beam["target"], 1) - 1, 1e-7, "error of the tip")
with open(done.find("beam.csv")) as f:
    lines = list(csv.reader(f))
checks.that(lines[0] == list(beam) and (np.array(lines[1:], float) == np.array(list(beam.values())).T).all(), "the .csv is the table")
checks.that((done.cwd / "out/beam/beam_beam.xmf").exists(), "beam_beam.xmf")

# ---- Images alone ----
CELL = """model: homogenize
case: cell
physics: elasticity
voxels: {file: image.npy}
phase:
  - pore: {value: 0}
  - solid: {value: 1, young: 1, poisson: 0.3}
homogenize: {rtol: 1e-6, symmetry: none}
"""


def alone(image, title, *args):
    """C11 and the rest of an image (z, y, x) by itself."""
    np.save(done.cwd / "image.npy", np.ascontiguousarray(image.transpose(2, 1, 0)))
    solved = run(CELL, cwd=done.cwd, args=["-force", "-fft_effort", "estimate", *args])
    checks.solved(solved, title)
    return solved.results


one = alone(cells[2], "cell 2 alone, on the whole cell")
for name, i, j in TERMS:
    checks.close(one.get(name, np.nan), beam[name][2], 1e-6, f"  {name} is the table's")
checks.close(alone(np.concatenate([cells[2]] * 2, axis=2), "cell 2 twice in a row", "-homogenize_load", 11).get("C11", np.nan), beam["C11"][2], 1e-6, "  has the C11 of one: the row's difference comes from neighbours that differ")
row = alone(phase, "the row alone", "-homogenize_load", 11)
checks.close(result["row_C11"], row.get("C11", np.nan), 1e-6, "  C11 of the row")
series = 1 / (1 / beam["C11"]).mean()
checks.close(result["C11"], series, 1e-12, "C11 in series")
checks.close(result["row_difference"], result["row_C11"] / series - 1, 1e-9, "its difference")
checks.that(abs(result["row_difference"]) < 0.2, f"which is {result['row_difference']:.3f}")

# ---- Ranks, restart ----
for title, ranks, args in (("1 rank", 1, []), ("3 ranks", 3, []), ("2 ranks per cell", 2, ["-batch_ranks", 2])):
    other = run(DECK, np=ranks, args=[*SMALL, *args])
    if checks.solved(other, title):
        t = table_of(other)
        checks.that(all(np.allclose(t[c], beam[c], rtol=1e-10, atol=1e-11) for c in beam), "  the same table")
stopped = run(DECK, args=[*SMALL, "-max_wall_time", 1e-3])
if checks.that(stopped.exit == 4, f"stops: exit {stopped.exit}", stopped):
    gone_on = run(DECK, cwd=stopped.cwd, args=[*SMALL, "-restart", "out/beam/beam.restart.h5"])
    checks.solved(gone_on, "goes on")
    checks.that(gone_on.exit == 0 and gone_on.results["cells_per_second"] > 0 and all(np.allclose(table_of(gone_on)[c], beam[c], rtol=1e-10, atol=1e-11) for c in beam), "  to the same table", gone_on)

# long enough to be stopped: seconds
running = start(DECK, args=["-beam_cells", 4 if DEBUG else 20, "-beam_candidates", 1, "-beam_one_grid", "-homogenize_rtol", 1e-6 if DEBUG else 1e-11, "-fft_effort", "estimate"])
if checks.that(running.wait_for("^one grid"), "the grid is being solved", running):
    os.kill(running.pids()[0], signal.SIGUSR1)
    running.wait()
    checks.that(running.exit == 4 and "stopping" in running.out, f"stops there: exit {running.exit}", running)
    gone_on = run(DECK, cwd=running.cwd, args=[*running.command[running.command.index("case.deck") + 1 :], "-restart", "out/beam/beam.restart.h5"])
    checks.that(gone_on.exit == 0 and gone_on.results["cells_per_second"] == 0 and gone_on.results["row_C11"] > 0, "goes on with the grid, no cell is solved again", gone_on)

# ---- A target of one's own, the unit of length, the iteration limit ----
wanted = run(DECK, args=[*SMALL, "-beam_target", "s*phi*(1 - x/2)", "-param", "s", "-param_s", 0.5, "-voxels_length", 2])
if checks.solved(wanted, "a target of x, phi and a constant; cells with an edge of 2"):
    t = table_of(wanted)
    checks.that(np.allclose(t["target"], 0.5 * phi * (1 - x / 2), rtol=1e-14, atol=0), "  is taken as given")
    checks.that("beam_target_factor" not in wanted.results, "  and not fitted")
    nearest = abs(offered / t["target"][:, None] - 1).argmin(axis=1)
    checks.that((t["candidate"] == nearest).all(), "  candidates are chosen by it")
    checks.close(wanted.results["beam_tip_bending"], tip(t["E1"], 2), 1e-9, "  deflection with the edge")
short = run(DECK, args=[*SMALL, "-homogenize_max_it", 3])
checks.that(short.exit == 3 and short.results.get("cells_not_converged") == CELLS * CANDIDATES and "beam_tip" in short.results, f"iteration limit: exit {short.exit}, {short.results.get('cells_not_converged')} cells", short)
shorter = run(DECK, args=[*SMALL, "-homogenize_max_it", 1])
checks.that(shorter.exit == 3 and not broken(shorter), f"one iteration: exit {shorter.exit}, no trace, no nan", shorter)

# ---- Plot ----
plot = subprocess.run([sys.executable, str(SOURCE / "postproc" / "plot_beam.py"), str(h5), "-o", str(done.cwd / "beam.png")], capture_output=True, text=True)
checks.that(plot.returncode == 0 and (done.cwd / "beam.png").stat().st_size > 20000, f"plot_beam.py: {plot.stdout.strip()}{plot.stderr[-300:]}")
checks.end()
