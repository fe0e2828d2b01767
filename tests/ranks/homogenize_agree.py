"""Homogenisation on 1, 2, 3 and 4 ranks gives the same tensors to 1e-10 of their largest term: an odd image of 5 x 7 x 12 voxels in all physics, spheres on their octant, more
ranks than planes, and the table of a batch, which does not depend on the ranks at all. The deck of an image beside it runs by its path and gives its figures."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import csv
import re

import h5py
import numpy as np
from run_case import SOURCE, Checks, fresh_folder, run

DECK = """---
model: homogenize
case: c
physics: [elasticity, conductivity, permeability]
voxels: {file: %s}
phase:
  - soft: {value: 0%s, flow: fluid}
  - hard: {value: 1, young: 1, poisson: 0.2, conductivity: 1, flow: solid}
homogenize: {rtol: 1e-8}
output: {dir: out}
"""
SPHERES = """---
model: homogenize
case: c
physics: [elasticity, conductivity, permeability]
shape: {kind: spheres, n: %s, radius: 0.4}
phase:
  - solid: {value: 0, young: 1, poisson: 0.3, conductivity: 1, flow: fluid}
  - hole: {value: 1, flow: solid}
homogenize: {rtol: 1e-6, %s}
output: {dir: out}
"""
SOFT = ", young: 0.4, poisson: 0.35, conductivity: [0.6, 0.5, 0.4]"
OPTIONS = ["-fft_effort", "estimate"]
TENSORS = {"C": 6, "sigma": 3, "k": 3, "k_wall": 3, "k_nowall": 3}
checks = Checks()
folder = fresh_folder()
random = np.random.default_rng(6)


def image(name, *n):
    """A random file of n[0] x n[1] x n[2] voxels, x fastest, 10 % of them hard."""
    path = folder / name
    np.save(path, (random.random(n) < 0.1).astype(np.uint8))
    return path


def tensors(done):
    with h5py.File(done.h5) as f:
        return {name: f[f"homogenize/{name}"][:] for name in TENSORS if f"homogenize/{name}" in f}


def agree(title, deck, ranks, octant, wanted, extra=()):
    """The tensors of all counts of ranks next to those of the first, which are returned. Columns that were not solved are nan in all."""
    first = None
    for np_ in ranks:
        done = run(deck, np=np_, args=[*OPTIONS, *extra])
        if not checks.solved(done, f"{title}, {np_} ranks"):
            continue
        mine = tensors(done)
        checks.that(done.results["converged"] == 1 and done.results["octant"] == octant and sorted(mine) == sorted(wanted), f"  converged, octant {octant}, tensors {' '.join(mine)}", done)
        if first is None:
            first = mine
            for name, t in mine.items():
                whole = t.shape == (TENSORS[name],) * 2 and t[0, 0] > 0 and (bool(extra) or np.isfinite(t).all())
                checks.that(whole and np.nanmax(abs(t - t.T)) < 1e-6 * np.nanmax(abs(t)), f"  {name}: {'the columns solved' if extra else 'all columns'}, symmetric, {name}11 = {t[0, 0]:.6g}")
        else:
            for name, t in mine.items():
                checks.that((np.isfinite(t) == np.isfinite(first[name])).all(), f"  {name}: the same columns")
                checks.below(np.nanmax(abs(t - first[name])) / np.nanmax(abs(first[name])), 1e-10, f"  {name} off that of {ranks[0]} rank")
    return first


# ---- An odd image that is not cubic: anisotropic phases, all terms different ----
# Each collective call of ranks that share a core waits for the others' turn, which decides the time of these runs: few loads and iterations on 3 and 4 ranks.
FEW = ["-physics", "elasticity,conductivity", "-homogenize_load", "11,1"]
deck = DECK % (image("odd.npy", 5, 7, 12), SOFT)
odd = agree("5 x 7 x 12", deck, (1, 2), 0, TENSORS)
if odd:
    C = odd["C"]
    checks.that(abs(C[:3, 3:]).min() > 1e-7 and abs(C[0, 0] / C[1, 1] - 1) > 1e-4, f"  no symmetry: smallest coupling term {abs(C[:3, 3:]).min():.1e}")
agree("5 x 7 x 12, two loads", deck, (1, 3, 4), 0, ("C", "sigma"), FEW)
agree("5 x 7 x 12, flow", deck, (1, 3, 4), 0, ("k", "k_wall", "k_nowall"), ["-physics", "permeability", "-homogenize_rtol", 1e-4])

# ---- Mirrors: the octants have 4, 5, 6 and 4 planes ----
for n, key, ranks in (("8", "cubic: true", (1, 4)), ("10", "cubic: true", (1, 3)), ("12", "cubic: true", (1, 2)), ("[12, 10, 8]", "symmetry: octant", (1, 2))):
    agree(f"spheres, n: {n}, octant", SPHERES % (n, key), ranks, 1, TENSORS)

# ---- More ranks than planes: those that are too many wait ----
agree("5 x 7 x 2", DECK % (image("flat.npy", 5, 7, 2), SOFT), (1, 4), 0, ("C", "sigma"), FEW)
done = run(DECK % (folder / "flat.npy", SOFT), np=4, args=[*OPTIONS, *FEW, "-homogenize_rtol", 0.1])
checks.that(done.exit == 0 and "2 of 4 ranks wait" in done.out, "  4 ranks: told that two wait", done)

# ---- A batch: every row comes from one rank, whoever it is ----
with h5py.File(folder / "cells.h5", "w") as f:
    f["phase"] = (random.random((5, 6, 5, 7)) < 0.1).astype(np.uint8)
batch = (DECK % (str(folder / "cells.h5") + ":/phase", SOFT)).replace("voxels:", "batch: {cells: all}\nvoxels:").replace(": " + str(folder), f': "{folder}').replace("/phase}", '/phase"}')
tables = {}
for np_, extra in ((1, []), (2, []), (3, []), (4, []), (2, ["-batch_ranks", 2])):
    done = run(batch, np=np_, args=[*OPTIONS, "-homogenize_rtol", 1e-4, *extra])
    title = f"batch of 5 on {np_} ranks{', two per cell' if extra else ''}"
    path = done.find(".csv")
    if not checks.solved(done, title) or not checks.that(path is not None, "  a table", done):
        continue
    table = list(csv.DictReader(path.open()))
    for row in table:
        checks.that(float(row.pop("seconds")) > 0, f"  cell {row['cell']}: took time") if float(row["cell"]) == 0 else row.pop("seconds")
    checks.that([float(row["cell"]) for row in table] == [0, 1, 2, 3, 4] and len({row["C11"] for row in table}) == 5, "  five different cells in order")
    tables[np_, bool(extra)] = table
    first = tables.get((1, False))
    if first and np_ > 1 and not extra:
        checks.that(table == first, "  the table of 1 rank to all digits, seconds apart")
    elif first and extra:
        values = [np.array([[float(v) for k, v in row.items() if re.match(r"C|sigma|k", k)] for row in t]) for t in (table, first)]
        checks.below((abs(values[0] - values[1]) / abs(values[1]).max(axis=1, keepdims=True)).max(), 1e-10, "  terms off those of 1 rank")

# ---- The shipped image, found beside its deck ----
figures = {"C11": 0.2305887015731, "C12": 0.03768790827675, "C44": 0.04141338228576, "sigma11": 0.2353927566773, "k11": 0.006056879958608}
done = run(SOURCE / "inputs" / "homogenize" / "voxels.deck")
if checks.solved(done, "inputs/homogenize/voxels.deck"):
    for name, value in figures.items():
        checks.close(done.results[name], value, 1e-6, f"  {name}", done)
    checks.close(done.results["volume_fraction"], 5488 / 24**3, 1e-12, "  volume_fraction")
    checks.that(done.results["octant"] == 1, "  on its octant")
checks.end()
