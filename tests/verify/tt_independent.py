"""timeout: 60
A tensor train evaluated without the solver: numpy reads leaves, cores and order from the result file; value and gradient of -sample, and the error against the closed form, agree."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import csv

from run_case import Checks, run, shipped

import numpy as np
from compare_reference import compare
from sna_file import SnaFile

checks = Checks()
names = "x y z t omega kappa".split()
cells = [word for name, n in zip(names, (32, 30, 28, 12, 6, 4)) for word in (f"-dim_{name}_cells", n)]
done = run(shipped("advection_diffusion_6d_tt"), args=["-vsna_rtol", 1e-2, "-error_points", 131072, "-output_slice_mid_frames", 2, "-output_slice_mid_n", 9, *cells])
if not checks.solved(done):
    checks.end()
rng = np.random.default_rng(3)
lo, hi = np.array([-1, -1, -1, 0, 0, 1e-3]), np.array([1, 1, 1, 1, 2 * np.pi / 3, 1e-2])
points = lo + (hi - lo) * rng.random((500, 6))
np.savetxt(done.cwd / "points.csv", points, fmt="%.17g", delimiter=",", header=",".join(names), comments="")
q = run(None, np=2, cwd=done.cwd, args=["-restart", done.h5.relative_to(done.cwd), "-sample", "points.csv", "-sample_output", "values.csv"])
if checks.that(q.exit == 0, f"sampled: exit {q.exit}", q):
    rows = list(csv.reader(open(done.cwd / "values.csv")))
    column = dict(zip(rows[0], np.array(rows[1:], dtype=float).T))
    with SnaFile(done.h5) as file:
        checks.that(type(file.field).__name__ == "TrainField", "the file holds a train")
        at = {n: points[:, i] for i, n in enumerate(names)}
        checks.below(np.abs(column["u"] - file.solution(at)).max(), 1e-12, "value")
        for name in ("t", "omega", "kappa"):  # the lift does not depend on these
            g = file.field.evaluate(at, {name: 1})
            checks.below(np.abs(column[f"du_d{name}"] - g).max(), 1e-11 * np.abs(g).max(), f"derivative in {name}")
        error, spread, _ = compare(file, 100000)
    print(f"      error {error:.3e} +- {spread:.1e}, the solver's {done.results['error_l2']:.3e}")
    checks.below(abs(error - done.results["error_l2"]), 5 * spread, "the error is the solver's")
checks.end()
