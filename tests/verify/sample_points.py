"""Queries: -restart FILE -sample POINTS gives value and gradient at given points without solving, from CSV and HDF5, on one rank and two, equal to numpy's
evaluation. How fast: tests/bench/bench_sample.c."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import csv

from run_case import DEBUG, Checks, files_below, run, shipped

import h5py
import numpy as np
from sna_file import SnaFile

checks = Checks()
done = run(shipped("advection_diffusion_6d"), args=["-vsna_rank", 8 if DEBUG else 16, "-output_slice_mid_frames", 2])
if not checks.solved(done):
    checks.end()
rng = np.random.default_rng(7)
names = "x y z t omega kappa".split()
lo, hi = np.array([-1, -1, -1, 0, 0, 1e-3]), np.array([1, 1, 1, 1, 2 * np.pi / 3, 1e-2])
points = lo + (hi - lo) * rng.random((1003, 6))
with SnaFile(done.h5) as file:
    columns = {n: points[:, i] for i, n in enumerate(names)}
    value = file.solution(columns)
    gradient_t = file.field.evaluate(columns, {"t": 1})
    x, s2 = columns["x"], 0.12**2
    start = file.expression("pde_initial_plume", columns)
    gradient_x = file.field.evaluate(columns, {"x": 1}) - (x - 0.3) / s2 * start

order = [3, 0, 5, 1, 4, 2]  # columns are found by name, in any order
with open(done.cwd / "points.csv", "w") as f:
    f.write("# random points\n" + ",".join(names[i] for i in order) + "\n")
    for p in points:
        f.write(",".join(f"{p[i]:.17g}" for i in order) + "\n")
with h5py.File(done.cwd / "points.h5", "w") as f:
    f["points"] = points
solution = done.h5.relative_to(done.cwd)


def table(path):
    if str(path).endswith(".csv"):
        rows = list(csv.reader(open(path)))
        return rows[0], np.array(rows[1:], dtype=float)
    with h5py.File(path) as f:
        columns = f["samples"].attrs["columns"]
        return (columns.decode() if isinstance(columns, bytes) else str(columns)).split(","), f["samples"][:]


for source, target, np_ranks, deck in (("points.csv", "values.csv", 2, "case.deck"), ("points.h5", "values.h5", 2, None), ("points.csv", "one.csv", 1, None), ("points.h5", "three.csv", 3, None)):
    q = run(None, np=np_ranks, cwd=done.cwd, args=[*([deck] if deck else []), "-restart", solution, "-sample", source, "-sample_output", target])
    title = f"{source} to {target} on {np_ranks} ranks, {'with' if deck else 'without'} the deck"
    if not checks.that(q.exit == 0 and (done.cwd / target).exists(), f"{title}: exit {q.exit}", q):
        continue
    header, values = table(done.cwd / target)
    print(f"      columns {header}")
    checks.that(values.shape[0] == len(points), f"{title}: {values.shape[0]} rows", q)
    col = {name: values[:, i] for i, name in enumerate(header)}
    checks.below(np.abs(col["u"] - value).max(), 1e-11, f"{title}: value", q)
    checks.below(np.abs(col["du_dt"] - gradient_t).max(), 1e-9, f"{title}: du/dt", q)
    checks.below(np.abs(col["du_dx"] - gradient_x).max(), 1e-9, f"{title}: du/dx (the lift included)", q)
    checks.that("sweep" not in q.out and not any(line.startswith("als ") for line in q.out.splitlines()), f"{title}: nothing is solved", q)

checks.end()
